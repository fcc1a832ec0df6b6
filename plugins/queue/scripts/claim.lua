-- Acknowledges, takes back expired leases, promotes what is due, and claims: everything a queue needs, in one call.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'q' or 'm' (members follow) or 'f', how many, lease in ms, token, '1' when the caller will wait, then in
--          'f' for each acknowledgement member, kind, text, extra, as finish in job.lua has them
-- Returns  {now, ms until something is due (-1: nothing known), how many acknowledgements came too late, {schedule, due, spec, ...},
--          {id, payload, format, attempt, kind, ...}}; kind "" for a plain job, else "+"
-- Cost     O((acknowledgements + count) log n); takes back at most 200 and promotes at most 500 a call
if ARGV[2] ~= 'f' then
  for at = 7, acknowledged and 0 or #ARGV do
    if finish(ARGV[at], 'c', '', '') ~= 1 then
      late = late + 1
    end
  end
else
  for at = 7, #ARGV, 4 do
    if finish(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]) ~= 1 then
      late = late + 1
    end
  end
end
if carried then
  for at = #carried, 1, -1 do
    redis.call('LPUSH', base .. 'ready', carried[at])
  end
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', base .. 'active', '-inf', now, 'LIMIT', 0, 200)) do
  redis.call('ZREM', base .. 'active', member)
  local id = id_of(member)
  local job = load(id)
  if job then
    failed(id, job, 'the lease expired: its worker has gone, or stopped', '0')
  end
end

local due = redis.call('ZRANGEBYSCORE', base .. 'delayed', '-inf', now, 'LIMIT', 0, 500)
if #due > 0 then
  redis.call('ZREMRANGEBYRANK', base .. 'delayed', 0, #due - 1)
  local plain = {}
  for _, element in ipairs(due) do
    if string.find(element, '^[,;]') then
      plain[#plain + 1] = element
    else
      make_ready(element, false)
    end
  end
  if #plain > 0 then
    redis.call('RPUSH', base .. 'ready', unpack(plain))
  end
end

local found, leases, count, token = {}, {}, tonumber(ARGV[3]), ARGV[5]
local wait_for = -1
local function due_at(at)
  local ms = math.max(at - now, 0)
  if wait_for < 0 or ms < wait_for then
    wait_for = ms
  end
end

if rules.paused then
  count = 0
end
if rules.concurrency then
  count = math.min(count, math.max(tonumber(rules.concurrency) - redis.call('ZCARD', base .. 'active'), 0))
end
-- A rate is a clock that every start moves on by its share, and that may be behind by a burst of `count` (GCRA).
local pace
if rules.rate_count and count > 0 then
  pace = tonumber(rules.rate_ms) / tonumber(rules.rate_count)
  local slack = tonumber(rules.rate_ms)
  rules.tat = math.max(tonumber(rules.tat or 0), now)
  count = math.min(count, math.floor((now + slack - rules.tat) / pace + 0.000001))
  if count <= 0 then
    due_at(math.ceil(rules.tat + pace - slack))
  end
end

-- False when the job's key may not start one now: the job then waits for its key, or for the key's rate.
local function key_allows(id, job, element)
  if rules.key_rate_count then
    local clock_of = base .. 'r:' .. job.k
    local slack = tonumber(rules.key_rate_ms)
    local share = slack / tonumber(rules.key_rate_count)
    local tat = math.max(tonumber(redis.call('GET', clock_of) or 0), now)
    if tat + share > now + slack + 0.000001 then
      redis.call('HSET', base .. 'j:' .. id, 's', 'd')
      redis.call('ZADD', base .. 'delayed', math.ceil(tat + share - slack), element)
      return false
    end
    if not rules.key_concurrency or
      tonumber(redis.call('HGET', base .. 'running', job.k) or 0) < tonumber(rules.key_concurrency) then
      redis.call('SET', clock_of, tostring(tat + share), 'PX', math.ceil(slack + tat + share - now))
    end
  end
  if rules.key_concurrency then
    if tonumber(redis.call('HGET', base .. 'running', job.k) or 0) >= tonumber(rules.key_concurrency) then
      redis.call('HSET', base .. 'j:' .. id, 's', 'b')
      redis.call('RPUSH', base .. 'b:' .. job.k, element)
      redis.call('ZINCRBY', base .. 'blocked', 1, job.k)
      redis.call('HINCRBY', base .. 'stats', 'blocked', 1)
      return false
    end
    redis.call('HINCRBY', base .. 'running', job.k, 1)
    redis.call('HSET', base .. 'j:' .. id, 'c', '1')
  end
  return true
end

local started = 0
local function start(element)
  local id = id_of(element)
  local job = load(id)
  if not job or job.h or (job.s and job.s ~= 'd') or element_of(id, job) ~= element then
    redis.call('HINCRBY', base .. 'stats', 'gone', -1)
  elseif job.e and tonumber(job.e) <= now then
    bury(id, 'expired: not started within its ttl_ms')
  elseif not job.k or key_allows(id, job, element) then
    local attempt = tonumber(job.a or 0) + 1
    local kind = (job.e or job.k or job.g) and '+' or ''
    redis.call('HSET', base .. 'j:' .. id, 'a', attempt, 'h', token .. kind)
    local n = #found
    found[n + 1], found[n + 2], found[n + 3], found[n + 4], found[n + 5] = id, job.p, job.f or '', attempt, kind
    leases[#leases + 1] = now + tonumber(ARGV[4])
    leases[#leases + 1] = token .. kind .. '|' .. id
    started = started + 1
    event('claimed', id, attempt)
  end
end

-- Positive priorities, then those without, then negative ones; looks at no more than 1,000 elements.
local looked = 0
local function from_prior(lowest, highest)
  while started < count and looked < 1000 do
    local some = redis.call('ZRANGEBYSCORE', base .. 'prior', lowest, highest, 'LIMIT', 0, count - started)
    if #some == 0 then
      return
    end
    redis.call('ZREM', base .. 'prior', unpack(some))
    looked = looked + #some
    for _, element in ipairs(some) do
      start(element)
    end
  end
end
from_prior('-inf', '(0')
while started < count and looked < 1000 do
  local some = redis.call('LPOP', base .. 'ready', count - started)
  if not some then
    break
  end
  looked = looked + #some
  for _, element in ipairs(some) do
    start(element)
  end
end
from_prior('(0', '+inf')
if started > 0 then
  redis.call('ZADD', base .. 'active', unpack(leases))
  if pace then
    redis.call('HSET', base .. 'rules', 'tat', tostring(rules.tat + started * pace))
  end
end

-- What is left is for the next who waits; who waits for nothing learns when to look again.
local left = redis.call('LLEN', base .. 'ready') + redis.call('ZCARD', base .. 'prior')
local schedules = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', base .. 'cron', '-inf', now, 'LIMIT', 0, 20)) do
  schedules[#schedules + 1] = name
  schedules[#schedules + 1] = redis.call('ZSCORE', base .. 'cron', name)
  schedules[#schedules + 1] = redis.call('HGET', base .. 'schedules', name) or ''
end
if started > 0 and left > 0 and not rules.paused then
  wake()
end
if started == 0 and ARGV[6] == '1' then
  redis.call('SET', base .. 'idle', '1', 'PX', 30000)
  for _, name in ipairs({'delayed', 'active', 'cron'}) do
    local first = redis.call('ZRANGE', base .. name, 0, 0, 'WITHSCORES')
    if first[2] then
      due_at(tonumber(first[2]))
    end
  end
  if left > 0 and looked >= 1000 then
    due_at(now)
  end
end
return {now, wait_for, late, schedules, found}
