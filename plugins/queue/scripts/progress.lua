-- Notes how far a running job is.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, member, value, its format
-- Returns  1; 0: the lease was over; -1: the job was cancelled
-- Cost     O(1)
local id = id_of(ARGV[2])
if not redis.call('ZSCORE', base .. 'active', ARGV[2]) then
  return redis.call('HGET', base .. 'j:' .. id, 's') == 'k' and -1 or 0
end
redis.call('HSET', base .. 'j:' .. id, 'pr', ARGV[3], 'pf', ARGV[4])
event('progress', id, ARGV[3])
return 1
