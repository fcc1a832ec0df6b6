-- What the scripts of sessions share: scripts.h puts it before each of them.
--
-- ARGV[1]  the beginning of every key they use: the core's key_prefix and "{sXX}:". So all keys share the slot of KEYS[1], also
--          those that are only known once the session has been read.
--
-- A session is a hash at home .. 's:' .. HASH. Its fields: version, user (absent: nobody), created, seen, idle, ends, from (the hash
-- of the id it had before), request (of the last update), and one "." .. NAME for each attribute. A hash without version is no
-- session: a forward (moved_to, successor, kept) that an old id leaves behind, or the mark of one that was taken back (taken_back).
local home = ARGV[1]

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function key_of(hash)
  return home .. 's:' .. hash
end

local function index_of(user)
  return home .. 'u:' .. user
end

-- The session that is asked for as `hash`, wherever it has moved; nil: there is none. `kept` is the forward that lives as long as it.
local function find(hash)
  local kept
  for _ = 1, 16 do
    local key = key_of(hash)
    local found = redis.call('HMGET', key, 'version', 'user', 'idle', 'ends', 'moved_to', 'kept')
    if found[1] then
      return {hash = hash, key = key, version = tonumber(found[1]), user = found[2] or '', idle = tonumber(found[3]),
              ends = tonumber(found[4]), kept = kept}
    end
    if not found[5] then
      return nil
    end
    if found[6] then
      kept = key
    end
    hash = found[5]
  end
  return nil
end

local function prune(index, now)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
end

-- Its place in the user's index, which never lists more than lives, and does not outlive what it lists.
local function enter(session, expires, now)
  if session.user == '' then
    return
  end
  local index = index_of(session.user)
  redis.call('ZADD', index, expires, session.hash)
  prune(index, now)
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  if last[2] then
    redis.call('PEXPIREAT', index, last[2])
  end
end

local function leave(session)
  if session.user ~= '' then
    redis.call('ZREM', index_of(session.user), session.hash)
  end
end

-- It was used now: its idle time begins anew, within its absolute end.
local function extend(session, now)
  local expires = math.min(now + session.idle, session.ends)
  redis.call('HSET', session.key, 'seen', now)
  redis.call('PEXPIREAT', session.key, expires)
  if session.kept then
    redis.call('PEXPIREAT', session.kept, expires)
  end
  enter(session, expires, now)
  return expires
end

