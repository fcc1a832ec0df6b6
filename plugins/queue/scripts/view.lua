-- Shows jobs: one by its id, or those of a state.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'id' and the id; or the state (ready, delayed, active, blocked, dead, done), the first, and how many (at most 500)
-- Returns  a list: for each job {id, state, a time in ms (due, end of lease, of death or of retention; 0: none), field, value, ...}
-- Cost     O(log n + jobs)
local function show(id, score, known)
  local fields = redis.call('HGETALL', base .. 'j:' .. id)
  if #fields == 0 then
    return nil
  end
  local job = load(id)
  if not job then
    return nil
  end
  local state, at = known, score
  if job.s == 'x' then
    state = 'dead'
  elseif job.s == 'c' then
    state = 'completed'
  elseif job.s == 'k' then
    state = 'cancelled'
  elseif job.s == 'b' then
    state = 'blocked'
  elseif job.h then
    state = 'active'
    at = at or redis.call('ZSCORE', base .. 'active', job.h .. '|' .. id)
  else
    local due = redis.call('ZSCORE', base .. 'delayed', element_of(id, job))
    state = due and 'delayed' or 'ready'
    at = due
  end
  return {id, state, at and tonumber(at) or 0, fields}
end

local shown = {}
if ARGV[2] == 'id' then
  shown[1] = show(ARGV[3])
  return shown
end

local state, first, last = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[3]) + tonumber(ARGV[4]) - 1
local function add(name, score, is_element)
  local id = is_element and id_of(name) or name
  if is_element == 'element' then
    -- What was cancelled, or pushed again under this id, is not what this element means.
    local job = load(id)
    if not job or element_of(id, job) ~= name or job.h or (job.s and job.s ~= 'd' and job.s ~= 'b') then
      return
    end
  end
  shown[#shown + 1] = show(id, score)
end
if state == 'ready' then
  local prior = redis.call('ZRANGE', base .. 'prior', first, last)
  for _, element in ipairs(prior) do
    add(element, nil, 'element')
  end
  local before = redis.call('ZCARD', base .. 'prior')
  if last >= before then
    for _, element in ipairs(redis.call('LRANGE', base .. 'ready', math.max(first - before, 0), last - before)) do
      add(element, nil, 'element')
    end
  end
elseif state == 'blocked' then
  for _, key in ipairs(redis.call('ZRANGE', base .. 'blocked', 0, 99)) do
    for _, element in ipairs(redis.call('LRANGE', base .. 'b:' .. key, 0, last)) do
      if #shown <= last then
        add(element, nil, 'element')
      end
    end
  end
  for _ = 1, math.min(first, #shown) do
    table.remove(shown, 1)
  end
else
  local entries = redis.call('ZRANGE', base .. state, first, last, 'WITHSCORES')
  for at = 1, #entries, 2 do
    add(entries[at], entries[at + 1], (state == 'delayed' or state == 'active') and 'member')
  end
end
return shown
