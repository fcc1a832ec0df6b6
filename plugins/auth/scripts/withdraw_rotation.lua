-- Takes back a rotation whose successor nobody was told, also one whose request arrives later than this.
--
-- KEYS     the mark of the withdrawal, the family
-- ARGV     1 root, 2 selector of the family, 3 digest of the successor, 4 how long the mark stays, in ms
-- Returns  1: taken back, 0: there is nothing to take back, or somebody else was told the successor
-- Cost     O(1)
-- Running it twice leaves what running it once does.
redis.call('SET', KEYS[1], '', 'PX', ARGV[4])
local held = redis.call('HMGET', KEYS[2], 'r', 'p', 'j', 'a', 'b')
if held[1] ~= ARGV[3] or not held[2] or held[3] then
  return 0
end
redis.call('UNLINK', ARGV[1] .. 't:' .. held[4], ARGV[1] .. 'r:' .. ARGV[2] .. ':' .. redis.sha1hex(held[2]))
redis.call('HSET', KEYS[2], 'r', held[2], 'a', held[5])
redis.call('HDEL', KEYS[2], 'p', 'b')
return 1
