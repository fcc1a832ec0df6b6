-- Ends a load that will not store.
--
-- KEYS[1]  the lease (lease_note.h)
-- ARGV     the token of the load; the message of its failure, and for how many ms other processes' waiters may hear of
--          it; 0: nobody has to hear
-- Returns  1: it was this load's; 0: it has gone
-- Cost     O(1)
-- Running it twice leaves what running it once does.
local there = redis.call('GET', KEYS[1])
if not there or string.sub(there, 1, 9) ~= 't' .. ARGV[1] then
  return 0
end
if ARGV[3] == '0' then
  redis.call('UNLINK', KEYS[1])
else
  redis.call('SET', KEYS[1], 'f' .. ARGV[1] .. ARGV[2], 'PX', ARGV[3])
end
return 1
