-- Removes jobs, or replays dead ones; at most 500 a call.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'purge': all that has not begun; 'dead': dead jobs that died before the time that follows; 'replay': dead jobs, the
--          ids that follow or the oldest (attempts are counted anew)
-- Returns  how many there were; in a 'purge' or 'dead' 500 or more mean that there may be others
-- Cost     O(jobs)
local function remove(elements, from)
  local hashes, seen = {}, 0
  for _, element in ipairs(elements) do
    local id = id_of(element)
    local job = load(id)
    if job and element_of(id, job) == element and not job.h and (not job.s or job.s == 'd' or job.s == 'b') then
      hashes[#hashes + 1] = base .. 'j:' .. id
    elseif from == 'ready' then
      redis.call('HINCRBY', base .. 'stats', 'gone', -1)
    end
    seen = seen + 1
  end
  if #hashes > 0 then
    redis.call('UNLINK', unpack(hashes))
  end
  return #hashes, seen
end

if ARGV[2] == 'purge' then
  local removed, seen = remove(redis.call('LPOP', base .. 'ready', 500) or {}, 'ready')
  for _, name in ipairs({'prior', 'delayed'}) do
    if seen < 500 then
      local some = redis.call('ZRANGE', base .. name, 0, 499 - seen)
      if #some > 0 then
        redis.call('ZREM', base .. name, unpack(some))
        local more, looked = remove(some, name)
        removed, seen = removed + more, seen + looked
      end
    end
  end
  for _, key in ipairs(redis.call('ZRANGE', base .. 'blocked', 0, 99)) do
    if seen < 500 then
      local some = redis.call('LPOP', base .. 'b:' .. key, 500 - seen) or {}
      local more, looked = remove(some, 'blocked')
      removed, seen = removed + more, seen + looked
      redis.call('HINCRBY', base .. 'stats', 'blocked', -more)
      if redis.call('LLEN', base .. 'b:' .. key) == 0 then
        redis.call('ZREM', base .. 'blocked', key)
      else
        redis.call('ZINCRBY', base .. 'blocked', -more, key)
      end
    end
  end
  if removed > 0 then
    event('purged', '', removed)
  end
  return {seen, removed}
end

if ARGV[2] == 'dead' then
  local some = redis.call('ZRANGEBYSCORE', base .. 'dead', '-inf', ARGV[3], 'LIMIT', 0, 500)
  local removed = 0
  for _, id in ipairs(some) do
    removed = removed + redis.call('UNLINK', base .. 'j:' .. id)
  end
  if #some > 0 then
    redis.call('ZREM', base .. 'dead', unpack(some))
  end
  return {#some, removed}
end

local ids = {unpack(ARGV, 4)}
if #ids == 0 then
  ids = redis.call('ZRANGE', base .. 'dead', 0, tonumber(ARGV[3]) - 1)
end
local replayed = 0
for _, id in ipairs(ids) do
  local job = redis.call('ZREM', base .. 'dead', id) == 1 and load(id)
  if job then
    redis.call('PERSIST', base .. 'j:' .. id)
    redis.call('HSET', base .. 'j:' .. id, 'a', 0, 's', '')
    redis.call('HDEL', base .. 'j:' .. id, 'e', 'd')
    job.e = nil
    make_ready(element_of(id, job), false)
    event('replayed', id)
    replayed = replayed + 1
  end
end
if replayed > 0 then
  wake()
end
return {#ids, replayed}
