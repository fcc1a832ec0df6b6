-- Writes a key if it holds what the caller believes.
--
-- KEYS[1]  the key
-- ARGV     what it is believed to hold, the new value, its ttl in ms (0: none)
-- Returns  1: written; 0: it holds something else, or does not exist
-- Fails    WRONGTYPE when it holds no string
-- Cost     O(1)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
