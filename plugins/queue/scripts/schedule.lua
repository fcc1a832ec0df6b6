-- Changes a schedule, or lets it fire.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'set', name, spec, next time; 'unset', name; or 'fire', name, the time it is due as known, spec as known, next time,
--          then '' (postponed: nothing is pushed) or id, payload, format, incarnation
-- Returns  1: done; 0: there is no such schedule, or another process was faster
-- Cost     O(log n)
local name = ARGV[3]
if ARGV[2] == 'set' then
  redis.call('HSET', base .. 'schedules', name, ARGV[4])
  redis.call('ZADD', base .. 'cron', ARGV[5], name)
  wake()
  return 1
end
if ARGV[2] == 'unset' then
  redis.call('ZREM', base .. 'cron', name)
  return redis.call('HDEL', base .. 'schedules', name)
end
local due = redis.call('ZSCORE', base .. 'cron', name)
if not due or tonumber(due) ~= tonumber(ARGV[4]) or redis.call('HGET', base .. 'schedules', name) ~= ARGV[5] then
  return 0
end
redis.call('ZADD', base .. 'cron', ARGV[6], name)
if ARGV[7] ~= '' and not load(ARGV[7]) then
  create(ARGV[7], ARGV[8], ARGV[9], {i = ARGV[10]})
end
return 1
