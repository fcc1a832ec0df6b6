-- Stores what a load gave, if nothing has been invalidated since it began.
--
-- KEYS[1]  the entry
-- KEYS[2]  its lease, of the same hash tag (lease_note.h)
-- ARGV     the token of the lease, the entry, how long it lives in ms
-- Returns  1: stored; 0: the lease has gone, with a delete, a set, another store, or another loader
-- Cost     O(1)
-- Running it twice answers as running it once: the entry's own id tells that it was stored.
local there = redis.call('GET', KEYS[2])
if there and string.sub(there, 1, 9) == 't' .. ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  redis.call('UNLINK', KEYS[2])
  return 1
end
if redis.call('GETRANGE', KEYS[1], 4, 11) == string.sub(ARGV[2], 5, 12) then
  return 1
end
return 0
