-- Makes a session.
--
-- KEYS[1]  the session
-- ARGV     home, hash, user ("": nobody), idle ms, absolute ms, how many of the user there may be (0: any number),
--          the ticket's time ("": no ticket), its mark, how long tickets hold; hash and version of the session that it replaces ("": none);
--          then fields and values of attributes
-- Returns  {1, now, ended, created}; {2}: the ticket does not hold; {3}: it was taken back; {4}: what it replaces has changed or gone
-- Cost     O(attributes + sessions that are ended * log sessions of the user)
-- Running it twice makes one session and answers the same, but for `ended`.
local hash, user = ARGV[2], ARGV[3]
local now = now_ms()
local state = redis.call('HMGET', KEYS[1], 'version', 'created', 'taken_back')
if state[1] then
  return {1, now, 0, tonumber(state[2])}
end
if state[3] then
  return {3}
end
if ARGV[7] ~= '' then
  -- The mark of destroy_all outlives every ticket that was given before it.
  local age = now - ARGV[7]
  local mark = redis.call('HGET', home .. 'd:' .. user, 'mark')
  if age < 0 or age > tonumber(ARGV[9]) or (mark and mark ~= ARGV[8]) then
    return {2}
  end
end
if ARGV[10] ~= '' then
  local old = find(ARGV[10])
  if not old or old.hash ~= ARGV[10] or old.version ~= tonumber(ARGV[11]) then
    return {4}
  end
  redis.call('UNLINK', old.key)
  leave(old)
end
local ended, most = 0, tonumber(ARGV[6])
if user ~= '' and most > 0 then
  local index = index_of(user)
  prune(index, now)
  local excess = redis.call('ZCARD', index) - most + 1
  if excess > 0 then
    for _, other in ipairs(redis.call('ZRANGE', index, 0, excess - 1)) do
      ended = ended + redis.call('UNLINK', key_of(other))
    end
    redis.call('ZREMRANGEBYRANK', index, 0, excess - 1)
  end
end
local session = {hash = hash, key = KEYS[1], user = user, idle = tonumber(ARGV[4]), ends = now + ARGV[5]}
redis.call('HSET', KEYS[1], 'version', 1, 'created', now, 'idle', session.idle, 'ends', session.ends)
if user ~= '' then
  redis.call('HSET', KEYS[1], 'user', user)
end
for i = 12, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
extend(session, now)
return {1, now, ended, now}
