-- Changes what is out of the ordinary about a queue (paused, limits, who listens), and lets those go on whom it held back.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, then names and values; a value '' takes the rule away
-- Returns  how many jobs may still wait for their keys (call again without rules until 0)
-- Cost     O(rules); at most 500 jobs that waited for their keys become ready
local limits = #ARGV == 1
for at = 2, #ARGV, 2 do
  limits = limits or string.find(ARGV[at], '^key_')
  if ARGV[at + 1] == '' then
    redis.call('HDEL', base .. 'rules', ARGV[at])
  else
    redis.call('HSET', base .. 'rules', ARGV[at], ARGV[at + 1])
  end
end
-- Jobs that waited for their key are looked at again, by the new rules.
local moved = 0
if limits then
  for _, key in ipairs(redis.call('ZRANGE', base .. 'blocked', 0, 99)) do
    while moved < 500 do
      local element = redis.call('LPOP', base .. 'b:' .. key)
      if not element then
        redis.call('ZREM', base .. 'blocked', key)
        break
      end
      moved = moved + 1
      local id = id_of(element)
      local job = load(id)
      if job and job.s == 'b' and element_of(id, job) == element then
        redis.call('HINCRBY', base .. 'stats', 'blocked', -1)
        redis.call('ZINCRBY', base .. 'blocked', -1, key)
        redis.call('HSET', base .. 'j:' .. id, 's', '')
        make_ready(element, false)
      end
    end
  end
end
if rules.paused and redis.call('HEXISTS', base .. 'rules', 'paused') == 0 then
  event('resumed', '')
elseif not rules.paused and redis.call('HEXISTS', base .. 'rules', 'paused') == 1 then
  event('paused', '')
end
wake()
return redis.call('ZCARD', base .. 'blocked') > 0 and limits and moved >= 500 and 1 or 0
