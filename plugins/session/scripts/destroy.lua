-- Ends a session.
--
-- KEYS[1]  the session, by the id or handle that was presented
-- ARGV     home, hash
-- Returns  1: ended; 0: there was none
-- Cost     O(log sessions of the user)
-- An old id that still follows ends the session, too.
local session = find(ARGV[2])
redis.call('UNLINK', KEYS[1])
if not session then
  return 0
end
redis.call('UNLINK', session.key)
leave(session)
return 1
