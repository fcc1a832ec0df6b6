-- Shortens the life of a token or a family; never lengthens it. Needs drop.lua.
--
-- KEYS[1]  the token's record or the family
-- ARGV     1 root, 2 member ('t' for every token that is not a family), 3 ttl in ms
-- Returns  the expiry in ms; nil: there is none
-- Cost     O(log n)
local root, member = ARGV[1], ARGV[2]
local until_ms = milliseconds() + ARGV[3]
local record = redis.call('HMGET', KEYS[1], 'u', 'e', 'f', 'n', 'a', 'b')
if not record[1] then
  return false
end
if until_ms >= tonumber(record[2]) then
  return tonumber(record[2])
end
local function shorten(key)
  local expires = redis.call('HGET', key, 'e')
  if expires and tonumber(expires) > until_ms then
    redis.call('HSET', key, 'e', until_ms)
    redis.call('PEXPIREAT', key, until_ms)
  end
end
shorten(KEYS[1])
if member:sub(1, 1) == 'f' then
  for _, access in ipairs({record[5], record[6]}) do
    if access then
      shorten(root .. 't:' .. access)
    end
  end
elseif record[3] then
  return until_ms
elseif record[4] then
  member = 'p' .. member:sub(2)
end
local list = root .. 'u:' .. record[1]
redis.call('ZADD', list, 'XX', until_ms, member)
keep_list(list)
return until_ms
