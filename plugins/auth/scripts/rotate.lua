-- Replaces a refresh token by its successor. Needs drop.lua.
--
-- The family knows the digest of its refresh token. A token that was replaced is known for a grace by a key of its own,
-- which holds its successor, sealed with a key that only who has the replaced token can make. What is neither was
-- replaced longer ago, so two parties have had it: the family ends.
--
-- KEYS     the family, the mark of a withdrawal, the new access token's record
-- ARGV     1 root, 2 selector of the family, 3 digest of the token presented, 4 digest of its successor, 5 the sealed
--          successor, 6 selector of the new access token, 7 its verifier, 8 the grace in ms
-- Returns  {'rotated', expiry of the access token, expiry of the family},
--          {'joined', expiry of the access token, expiry of the family, sealed}: another was first, this is its successor,
--          {'reused'}: the family has ended, {'gone'}: there is none, {'withdrawn'}: nobody waits for it any more
-- Cost     O(1); O(log n) when the family ends
-- Running it twice for one request answers with the same successor.
local root, family, presented = ARGV[1], KEYS[1], ARGV[3]
local held = redis.call('HMGET', family, 'r', 'u', 'e', 'l', 'a', 'b', 'm', 'd', 'p')
if not held[1] then
  return {'gone'}
end
local ends = tonumber(held[3])
local grace = root .. 'r:' .. ARGV[2] .. ':' .. redis.sha1hex(presented)
if held[1] ~= presented then
  local replaced = redis.call('GET', grace)
  if not replaced then
    drop(root, root .. 'u:' .. held[2], 'f' .. ARGV[2])
    return {'reused'}
  end
  if held[9] == presented then
    redis.call('HSET', family, 'j', 1)
  end
  return {'joined', tonumber(replaced:sub(1, 16)), ends, replaced:sub(17)}
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  return {'withdrawn'}
end

local now = milliseconds()
local expires = math.min(now + held[4], ends)
-- One access token before this one lives on, for requests under way.
if held[6] then
  redis.call('UNLINK', root .. 't:' .. held[6])
end
redis.call('HSET', family, 'r', ARGV[4], 'p', presented, 'a', ARGV[6], 'b', held[5], 't', now)
redis.call('HDEL', family, 'j')
redis.call('HSET', KEYS[3], 'u', held[2], 'c', now, 'e', expires, 'v', ARGV[7], 'f', ARGV[2])
if held[7] then
  redis.call('HSET', KEYS[3], 'm', held[7])
end
if held[8] then
  redis.call('HSET', KEYS[3], 'd', held[8])
end
redis.call('PEXPIREAT', KEYS[3], expires)
redis.call('SET', grace, string.format('%016.0f', expires) .. ARGV[5], 'PX', ARGV[8])
return {'rotated', expires, ends}
