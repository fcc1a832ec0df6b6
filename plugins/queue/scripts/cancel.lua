-- Cancels a job in any state before its end. One that runs loses its lease: its worker learns by the next extend, renewal or end.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, id, for how many ms it is kept at least
-- Returns  1: cancelled; 0: it had ended; -1: there is none
-- Cost     O(log n)
local id = ARGV[2]
local job = load(id)
if not job then
  return -1
end
if job.s == 'x' or job.s == 'c' or job.s == 'k' then
  return 0
end
if job.h then
  redis.call('ZREM', base .. 'active', job.h .. '|' .. id)
  leave_key(id, job)
elseif job.s == 'b' then
  -- Its element stays in the list of its key, which passes over it.
  if tonumber(redis.call('ZINCRBY', base .. 'blocked', -1, job.k)) <= 0 then
    redis.call('ZREM', base .. 'blocked', job.k)
  end
  redis.call('HINCRBY', base .. 'stats', 'blocked', -1)
elseif redis.call('ZREM', base .. 'delayed', element_of(id, job)) == 0 and
  redis.call('ZREM', base .. 'prior', element_of(id, job)) == 0 then
  redis.call('HINCRBY', base .. 'stats', 'gone', 1)
end
keep(id, 'k', math.max(tonumber(job.g or result_keep), tonumber(ARGV[3])))
event('cancelled', id)
if rules.concurrency then
  wake()
end
return 1
