-- Remembers in which bucket a token that the caller made lies: its text does not say.
--
-- KEYS[1]  the token's pointer
-- ARGV     the bucket, ttl in ms
-- Returns  1: it points there, 0: it points elsewhere
-- Cost     O(1)
local there = redis.call('GET', KEYS[1])
if there and there ~= ARGV[1] then
  return 0
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
