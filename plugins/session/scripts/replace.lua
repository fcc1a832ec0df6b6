-- Ends a session that another one, in another slot, was made from.
--
-- KEYS[1]  the session
-- ARGV     home, hash, the version it was made from
-- Returns  1: ended; 0: it had ended otherwise; 2: it has changed or moved since, and goes on
-- Cost     O(log sessions of the user)
local session = find(ARGV[2])
if not session then
  return 0
end
if session.hash ~= ARGV[2] or session.version ~= tonumber(ARGV[3]) then
  return 2
end
redis.call('UNLINK', session.key)
leave(session)
return 1
