-- Takes back what create or regenerate granted to a caller that has gone.
--
-- KEYS[1]  the session
-- ARGV     home, hash
-- Returns  1: ended, or known by its old id again; 0: there was nothing yet, and will not be
-- Cost     O(log sessions of the user)
-- A session that got a new id is known to nobody by it, but to its user by the old one: that follows it for as long as it lives.
-- Any other has ended. The mark stays for requests that are still on their way. Running it twice is as running it once.
local found = redis.call('HMGET', KEYS[1], 'version', 'from', 'moved_to')
if found[3] then
  return 1
end
if found[1] and found[2] then
  local old = key_of(found[2])
  redis.call('HSET', old, 'moved_to', ARGV[2], 'kept', 1)
  redis.call('PEXPIREAT', old, redis.call('PEXPIRETIME', KEYS[1]))
  return 1
end
local session = find(ARGV[2])
if session then
  redis.call('UNLINK', session.key)
  leave(session)
end
redis.call('HSET', KEYS[1], 'taken_back', 1)
redis.call('PEXPIRE', KEYS[1], 60000)
return session and 1 or 0
