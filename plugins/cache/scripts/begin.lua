-- Begins a load, unless the entry has changed since it was read.
--
-- KEYS[1]  the entry
-- KEYS[2]  its lease, of the same hash tag
-- ARGV     the id of the entry that was read ("": there was none), a new token, how long the lease lives in ms
-- Returns  the token of the lease: the one there is, else the new one; or {entry, ms it lives on} when it is another entry
-- Cost     O(1)
-- Running it twice leaves what running it once does. Deleting the lease is what makes every store of its loads fail.
local id = redis.call('GETRANGE', KEYS[1], 4, 11)
if id ~= '' and id ~= ARGV[1] then
  return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
end
local token = redis.call('GET', KEYS[2])
if not token then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  return ARGV[2]
end
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return token
