-- Pushes jobs with all that may go with them: all, or none when the queue is full.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'q' (jobs of 4 words, as push_quick.lua has them) or 'f': for each job id, payload, format, incarnation, how many
--          words follow, then names and values: delay (ms), due, m (attempts), o (backoff), ttl (ms), k (key), n (priority), g (keep
--          for ms), dedupe (ms), debounce ('1')
-- Returns  a list: for each job 1: pushed; 0: a job of this id exists, or was pushed within dedupe; 2: it replaced a delayed one.
--          -1: the queue is full
-- Cost     O(jobs log n)
local jobs = {}
local at = 3
while at <= #ARGV do
  local job = {id = ARGV[at], payload = ARGV[at + 1], format = ARGV[at + 2], options = {i = ARGV[at + 3]}}
  at = at + 4
  if ARGV[2] ~= 'q' then
    local last = at + tonumber(ARGV[at])
    for option = at + 1, last, 2 do
      job.options[ARGV[option]] = ARGV[option + 1]
    end
    at = last + 1
  end
  jobs[#jobs + 1] = job
end
if rules.size and length() + #jobs > tonumber(rules.size) then
  return -1
end
local outcome = {}
for index, job in ipairs(jobs) do
  local options = job.options
  if options.delay then
    options.due = now + tonumber(options.delay)
  end
  if options.ttl then
    options.e = now + tonumber(options.ttl)
  end
  local there = options.i ~= '' and load(job.id)
  local throttle = base .. 'd:' .. job.id
  if there and options.debounce and there.s == 'd' and
    redis.call('ZREM', base .. 'delayed', element_of(job.id, there)) == 1 then
    redis.call('UNLINK', base .. 'j:' .. job.id)
    create(job.id, job.payload, job.format, options)
    outcome[index] = 2
  elseif there or (options.dedupe and not redis.call('SET', throttle, '1', 'NX', 'PX', options.dedupe)) then
    outcome[index] = 0
  else
    create(job.id, job.payload, job.format, options)
    outcome[index] = 1
  end
end
return outcome
