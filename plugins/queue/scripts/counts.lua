-- Counts a queue's jobs.
--
-- KEYS[1]  the queue's prefix
-- Returns  {ready, delayed, active, blocked, dead, finished and kept, paused, schedules, the oldest ready plain job's push time or 0, now}
-- Cost     O(log n)
local base = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stats = redis.call('HMGET', base .. 'stats', 'gone', 'blocked')
local ready = redis.call('LLEN', base .. 'ready') + redis.call('ZCARD', base .. 'prior') - (stats[1] or 0)
local oldest = 0
local first = redis.call('LINDEX', base .. 'ready', 0)
if first then
  oldest = tonumber(redis.call('HGET', base .. 'j:' .. string.sub(first, string.find(first, '|', 1, true) + 1), 't') or 0)
end
return {math.max(ready, 0), redis.call('ZCARD', base .. 'delayed'), redis.call('ZCARD', base .. 'active'), tonumber(stats[2] or 0),
  redis.call('ZCARD', base .. 'dead'), redis.call('ZCOUNT', base .. 'done', now, '+inf'),
  redis.call('HEXISTS', base .. 'rules', 'paused'), redis.call('HLEN', base .. 'schedules'), oldest, now}
