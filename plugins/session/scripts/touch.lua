-- A session was used now.
--
-- KEYS[1]  the session, by the id that was presented
-- ARGV     home, hash
-- Returns  {now, when it expires}, or nothing: there is no session
-- Cost     O(log sessions of the user)
-- It never makes a key live that has gone, and finds a session that got a new id since it was read.
local session = find(ARGV[2])
if not session then
  return false
end
local now = now_ms()
return {now, extend(session, now)}
