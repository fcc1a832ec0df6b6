-- Sets fields of a hash and its expiry. A transaction would set the expiry of a key of another type, too, after HSET had failed.
--
-- KEYS[1]  the hash
-- ARGV     its ttl in ms, then field, value, field, value ...
-- Returns  how many fields are new
-- Fails    WRONGTYPE when it holds no hash
-- Cost     O(fields)
-- Running it twice leaves what running it once does.
local added = 0
for i = 2, #ARGV, 2 do
  added = added + redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return added
