-- Ends all sessions of a user, but for one, and all tickets.
--
-- KEYS[1]  the user's index
-- KEYS[2]  the user's mark
-- ARGV     home, user, the hash of the session that goes on ("": none), a new mark, how long the mark is kept in ms
-- Returns  how many were ended
-- Cost     O(sessions of the user)
-- Running it twice answers as running it once, and does not end what was made meanwhile: the mark tells.
local mark = redis.call('HMGET', KEYS[2], 'mark', 'ended')
if mark[1] == ARGV[4] then
  return tonumber(mark[2])
end
local spared = ARGV[3] ~= '' and find(ARGV[3])
local ended = 0
for _, hash in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if not (spared and spared.hash == hash) then
    ended = ended + redis.call('UNLINK', key_of(hash))
    redis.call('ZREM', KEYS[1], hash)
  end
end
redis.call('HSET', KEYS[2], 'mark', ARGV[4], 'ended', ended)
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return ended
