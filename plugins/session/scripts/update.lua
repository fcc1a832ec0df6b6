-- Changes attributes of a session.
--
-- KEYS[1]  the session, by the id that was presented
-- ARGV     home, hash, the version it must have ("": any), a random number of this request, how many fields are removed, their names,
--          then fields and values that are set
-- Returns  {1, version, now}; {2, version}: it has another version; {0}: there is no session
-- Cost     O(changes + log sessions of the user)
-- Running it twice answers as running it once: the session remembers its last request.
local session = find(ARGV[2])
if not session then
  return {0}
end
local now = now_ms()
if redis.call('HGET', session.key, 'request') == ARGV[4] then
  return {1, session.version, now}
end
if ARGV[3] ~= '' and session.version ~= tonumber(ARGV[3]) then
  return {2, session.version}
end
local first = 6 + tonumber(ARGV[5])
for i = 6, first - 1 do
  redis.call('HDEL', session.key, ARGV[i])
end
for i = first, #ARGV, 2 do
  redis.call('HSET', session.key, ARGV[i], ARGV[i + 1])
end
local version = session.version
if #ARGV >= 6 then
  version = redis.call('HINCRBY', session.key, 'version', 1)
  redis.call('HSET', session.key, 'request', ARGV[4])
end
extend(session, now)
return {1, version, now}
