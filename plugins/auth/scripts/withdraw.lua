-- Takes back a sign-in that nobody was told of, also one whose request arrives later than this. Needs drop.lua.
--
-- KEYS     the mark of the withdrawal, the token's record or the family
-- ARGV     1 root, 2 member, 3 grant ('': whatever the record says), 4 how long the mark stays, in ms
-- Returns  1: there was one, 0: there was none
-- Cost     O(log n)
-- Running it twice leaves what running it once does.
redis.call('SET', KEYS[1], '', 'PX', ARGV[4])
local owner = redis.call('HGET', KEYS[2], 'u')
if not owner or (ARGV[3] ~= '' and redis.call('HGET', KEYS[2], 'n') ~= ARGV[3]) then
  return 0
end
drop(ARGV[1], ARGV[1] .. 'u:' .. owner, ARGV[2])
return 1
