-- Gives a session a new id.
--
-- KEYS[1]  the session, by the id that was presented
-- KEYS[2]  the session, by the new id
-- ARGV     home, presented hash, new hash, the new id sealed by the presented one ("": not sealed), how long the old id follows in ms
-- Returns  {1, now, fields}; {2, successor}: another request was first, this is the id it made, sealed; {0}: there is no session
-- Cost     O(fields + log sessions of the user)
-- The old id follows when the session has a user, else it ends. Running it twice is as running it once.
local made = redis.call('HMGET', KEYS[2], 'version', 'taken_back')
if made[2] then
  return {0}
end
local now = now_ms()
if made[1] then
  return {1, now, redis.call('HGETALL', KEYS[2])}
end
local session = find(ARGV[2])
if not session then
  return {0}
end
local grace = tonumber(ARGV[5])
local function forward(key)
  redis.call('HSET', key, 'moved_to', ARGV[3])
  redis.call('HDEL', key, 'kept')
  if key == KEYS[1] and ARGV[4] ~= '' then
    redis.call('HSET', key, 'successor', ARGV[4])
  end
  redis.call('PEXPIRE', key, grace)
end
if session.hash ~= ARGV[2] then
  local successor = redis.call('HGET', KEYS[1], 'successor')
  if successor then
    if redis.call('HDEL', KEYS[1], 'kept') == 1 then
      redis.call('PEXPIRE', KEYS[1], math.max(grace, 1))
    end
    return {2, successor}
  end
end
redis.call('RENAME', session.key, KEYS[2])
leave(session)
redis.call('HSET', KEYS[2], 'from', session.hash)
if session.user ~= '' and grace > 0 then
  forward(session.key)
  if session.key ~= KEYS[1] then
    forward(KEYS[1])
  end
elseif session.key ~= KEYS[1] then
  redis.call('UNLINK', KEYS[1])
end
extend({hash = ARGV[3], key = KEYS[2], user = session.user, idle = session.idle, ends = session.ends}, now)
return {1, now, redis.call('HGETALL', KEYS[2])}
