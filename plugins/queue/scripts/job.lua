-- What the scripts of this plugin share: the build puts it before each of them. README.md has the keys and the states.
--
-- KEYS[1]  the queue's prefix, "{q:<name>}:"; every key is this and a name, so all lie in one slot
-- ARGV[1]  settings: attempts;backoff;result_keep_ms;dead_keep_ms;dead_max;a random number of [0, 1)
--
-- An element (in ready, prior, delayed, b:<key>) names a job that can be claimed: <priority><kind><incarnation>|<id>, kind "," for a
-- plain job, ";" for one with a ttl, a key or a retention of its own. A member (in active) names a lease: <token>|<id>.
-- A job whose hash does not know the element it was taken by was cancelled: the element is skipped ("gone").
local base = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local attempts_default, backoff_default, result_keep, dead_keep, dead_max, chance =
  string.match(ARGV[1], '^(%d+);([^;]+);(%d+);(%d+);(%d+);([%d.]+)$')
result_keep, dead_keep, dead_max = tonumber(result_keep), tonumber(dead_keep), tonumber(dead_max)

local rules = {}
do
  local fields = redis.call('HGETALL', base .. 'rules')
  for at = 1, #fields, 2 do
    rules[fields[at]] = fields[at + 1]
  end
  if rules.events_until and tonumber(rules.events_until) < now then
    redis.call('HDEL', base .. 'rules', 'events_until')
    rules.events_until = nil
  end
end

-- The names of a job's fields, and a job as a table of them; nil when there is none.
local names = {'p', 'f', 'a', 'h', 's', 'i', 'm', 'o', 'e', 'k', 'n', 'c', 'g', 't', 'er', 'd'}
local function load(id)
  local fields = redis.call('HMGET', base .. 'j:' .. id, unpack(names))
  if not fields[1] then
    return nil
  end
  local job = {}
  for at, name in ipairs(names) do
    if fields[at] and fields[at] ~= '' then
      job[name] = fields[at]
    end
  end
  job.p = fields[1]
  return job
end

local function event(kind, id, detail)
  if rules.events_until then
    redis.call('XADD', base .. 'events', 'MAXLEN', '~', 10000, '*', 'event', kind, 'id', id, 'detail', detail or '')
  end
end

local function element_of(id, job)
  local kind = ','
  if job.e or job.k or job.g then
    kind = ';'
  end
  return (job.n or '') .. kind .. (job.i or '') .. '|' .. id
end

local function id_of(name)
  return string.sub(name, string.find(name, '|', 1, true) + 1)
end

-- Says that there is something to claim, to one process that waits, if there is any.
local function wake()
  if redis.call('EXISTS', base .. 'idle') == 1 then
    redis.call('ZADD', base .. 'wake', 0, '1')
  end
end

-- Behind all others of its priority, or before them.
local function make_ready(element, first)
  local priority = tonumber(string.match(element, '^-?%d+'))
  if priority then
    local order = redis.call('HINCRBY', base .. 'stats', 'seq', 1)
    if first then
      order = 0
    end
    redis.call('ZADD', base .. 'prior', -priority * 1099511627776 + order, element)
  elseif first then
    redis.call('LPUSH', base .. 'ready', element)
  else
    redis.call('RPUSH', base .. 'ready', element)
  end
end

-- A finished job: its hash is kept for so long, or removed at once.
local function keep(id, state, ms)
  if ms <= 0 then
    redis.call('UNLINK', base .. 'j:' .. id)
    return
  end
  redis.call('HSET', base .. 'j:' .. id, 's', state, 'h', '', 'd', now)
  redis.call('PEXPIRE', base .. 'j:' .. id, ms)
  redis.call('ZADD', base .. 'done', now + ms, id)
  local old = redis.call('ZRANGEBYSCORE', base .. 'done', '-inf', now, 'LIMIT', 0, 10)
  if #old > 0 then
    redis.call('ZREM', base .. 'done', unpack(old))
  end
end

local function bury(id, why)
  redis.call('HSET', base .. 'j:' .. id, 's', 'x', 'h', '', 'er', why, 'd', now)
  redis.call('PEXPIRE', base .. 'j:' .. id, dead_keep)
  redis.call('ZADD', base .. 'dead', now, id)
  local old = redis.call('ZRANGEBYSCORE', base .. 'dead', '-inf', now - dead_keep, 'LIMIT', 0, 10)
  if #old == 0 and redis.call('ZCARD', base .. 'dead') > dead_max then
    old = redis.call('ZRANGE', base .. 'dead', 0, 0)
    redis.call('UNLINK', base .. 'j:' .. old[1])
  end
  if #old > 0 then
    redis.call('ZREM', base .. 'dead', unpack(old))
  end
  event('dead', id, why)
end

-- A job of this key does not run any more: the next that waits for the key becomes ready, before all others.
local function leave_key(id, job)
  if not job.c then
    return
  end
  redis.call('HDEL', base .. 'j:' .. id, 'c')
  job.c = nil
  if redis.call('HINCRBY', base .. 'running', job.k, -1) <= 0 then
    redis.call('HDEL', base .. 'running', job.k)
  end
  for _ = 1, 100 do
    local element = redis.call('LPOP', base .. 'b:' .. job.k)
    if not element then
      return
    end
    local waiting = load(id_of(element))
    if waiting and waiting.s == 'b' and element_of(id_of(element), waiting) == element then
      if tonumber(redis.call('ZINCRBY', base .. 'blocked', -1, job.k)) <= 0 then
        redis.call('ZREM', base .. 'blocked', job.k)
      end
      redis.call('HINCRBY', base .. 'stats', 'blocked', -1)
      redis.call('HSET', base .. 'j:' .. id_of(element), 's', '')
      make_ready(element, true)
      wake()
      return
    end
  end
end

-- Ready again: at once before all others, or at `due`.
local function again(id, job, due)
  if due > now then
    redis.call('HSET', base .. 'j:' .. id, 's', 'd', 'h', '')
    redis.call('ZADD', base .. 'delayed', due, element_of(id, job))
  else
    redis.call('HSET', base .. 'j:' .. id, 's', '', 'h', '')
    make_ready(element_of(id, job), true)
  end
  wake()
end

local function backoff(job)
  local kind, delay, longest, jitter = string.match(job.o or backoff_default, '^(%a):(%d+):(%d+):([%d.]+)$')
  delay = tonumber(delay)
  if kind == 'e' then
    delay = math.min(delay * 2 ^ math.min(tonumber(job.a or 1) - 1, 60), tonumber(longest))
  end
  return math.floor(delay * (1 - tonumber(jitter) * tonumber(chance)))
end

-- An attempt that failed. `retry`: milliseconds, '' for the job's backoff, negative for never.
local function failed(id, job, why, retry)
  leave_key(id, job)
  if tonumber(job.a) >= tonumber(job.m or attempts_default) or (retry ~= '' and tonumber(retry) < 0) then
    bury(id, why)
    return
  end
  redis.call('HSET', base .. 'j:' .. id, 'er', why)
  again(id, job, now + (retry == '' and backoff(job) or tonumber(retry)))
  event('failed', id, why)
end

-- Ends a lease: 'c' completed (text: a result, extra: its format), 'f' failed (text: why, extra: retry in ms or ''), 'l' released (extra:
-- in ms). 1; 0 when it was not held any more; -1 when the job was cancelled.
local function finish(member, kind, text, extra)
  local id = id_of(member)
  if redis.call('ZREM', base .. 'active', member) == 0 then
    return redis.call('HGET', base .. 'j:' .. id, 's') == 'k' and -1 or 0
  end
  local job = load(id)
  if not job then
    return 1
  end
  if kind == 'c' then
    leave_key(id, job)
    local ms = tonumber(job.g or (extra ~= '' and result_keep or 0))
    if extra ~= '' and ms > 0 then
      redis.call('HSET', base .. 'j:' .. id, 'r', text, 'rf', extra)
    end
    keep(id, 'c', ms)
    event('completed', id)
  elseif kind == 'f' then
    failed(id, job, text, extra)
  else
    leave_key(id, job)
    redis.call('HINCRBY', base .. 'j:' .. id, 'a', -1)
    again(id, job, now + tonumber(extra))
    event('released', id)
  end
  return 1
end

-- A new job. `options`: fields of the hash beside payload and format, and `due` in ms.
local function create(id, payload, format, options)
  local job = {p = payload, i = options.i, e = options.e, k = options.k, n = options.n, g = options.g}
  local words = {'p', payload, 't', now}
  for _, name in ipairs({'i', 'm', 'o', 'e', 'k', 'n', 'g'}) do
    if options[name] and options[name] ~= '' then
      words[#words + 1] = name
      words[#words + 1] = options[name]
    end
  end
  if format ~= '' then
    words[#words + 1] = 'f'
    words[#words + 1] = format
  end
  local due = tonumber(options.due or 0)
  if due > now then
    words[#words + 1] = 's'
    words[#words + 1] = 'd'
  end
  redis.call('HSET', base .. 'j:' .. id, unpack(words))
  if due > now then
    redis.call('ZADD', base .. 'delayed', due, element_of(id, job))
    if redis.call('ZRANGE', base .. 'delayed', 0, 0)[1] == element_of(id, job) then
      wake()
    end
  else
    make_ready(element_of(id, job), false)
    wake()
  end
  event('pushed', id)
end

local function length()
  local stats = redis.call('HMGET', base .. 'stats', 'gone', 'blocked')
  return redis.call('LLEN', base .. 'ready') + redis.call('ZCARD', base .. 'prior') + redis.call('ZCARD', base .. 'delayed') -
    tonumber(stats[1] or 0) + tonumber(stats[2] or 0)
end
