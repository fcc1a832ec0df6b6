-- Begins a sign-in: writes a token's record, for a pair its family too, and adds it to the user's list. Needs drop.lua.
--
-- KEYS     the user's list, the user's marker, the mark of a withdrawal, the token's record, the family (a pair only)
-- ARGV     1 root, 2 user, 3 time of the ticket in ms ('': no ticket), 4 the marker it saw, 5 how long a ticket holds,
--          6 most sign-ins of a user (0: any), 7 member, 8 ttl of the token, 9 verifier, 10 metadata as JSON ('': none),
--          11 device ('': none), 12 grant (of a token the caller made, else ''),
--          and of a pair 13 ttl of the family, 14 digest of the refresh token, 15 selector of the access token
-- Returns  {'issued', expiry of the token, expiry of the family},
--          {'late'}: the ticket is too old, {'revoked'}: revoke_all came after the ticket,
--          {'taken'}: the token is another user's, {'withdrawn'}: nobody waits for it any more
-- Cost     O(log n + removed)
-- Running it twice for one request leaves what running it once does.
local root, user, member = ARGV[1], ARGV[2], ARGV[7]
local list, record = KEYS[1], KEYS[4]
local now = milliseconds()
if redis.call('EXISTS', KEYS[3]) == 1 then
  return {'withdrawn'}
end
if ARGV[3] ~= '' then
  if now >= ARGV[3] + ARGV[5] then
    return {'late'}
  end
  local marker = redis.call('GET', KEYS[2])
  if marker and marker ~= ARGV[4] then
    return {'revoked'}
  end
end
local owner = redis.call('HGET', record, 'u')
if owner and owner ~= user then
  return {'taken'}
end

redis.call('ZREMRANGEBYSCORE', list, '-inf', now)
redis.call('ZREM', list, member)
local most = tonumber(ARGV[6])
if most > 0 then
  local too_many = redis.call('ZCARD', list) - most
  if too_many >= 0 then
    for _, oldest in ipairs(redis.call('ZRANGE', list, 0, too_many)) do
      drop(root, list, oldest)
    end
  end
end

local expires = now + ARGV[8]
local ends = expires
local function write(key, until_ms, ...)
  redis.call('UNLINK', key)
  redis.call('HSET', key, 'u', user, 'c', now, 'e', until_ms, ...)
  if ARGV[10] ~= '' then
    redis.call('HSET', key, 'm', ARGV[10])
  end
  if ARGV[11] ~= '' then
    redis.call('HSET', key, 'd', ARGV[11])
  end
  redis.call('PEXPIREAT', key, until_ms)
end
if KEYS[5] then
  ends = now + ARGV[13]
  if expires > ends then
    expires = ends
  end
  write(KEYS[5], ends, 'r', ARGV[14], 'l', ARGV[8], 'a', ARGV[15])
  write(record, expires, 'v', ARGV[9], 'f', member:sub(2))
elseif ARGV[12] ~= '' then
  write(record, expires, 'v', ARGV[9], 'n', ARGV[12])
else
  write(record, expires, 'v', ARGV[9])
end
redis.call('ZADD', list, ends, member)
keep_list(list)
return {'issued', expires, ends}
