-- Pushes plain jobs where nothing is out of the ordinary; else push.lua, which follows, does it.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'q' (or 'f': only push.lua), then for each job: id, payload, format, incarnation ('' for an id made by the pusher)
-- Returns  a list: for each job 1: pushed; 0: there is a job of this id
-- Cost     O(jobs): 3 commands, and 1 a job (2 where the caller chose the id)
if ARGV[2] == 'q' and redis.call('EXISTS', KEYS[1] .. 'rules', KEYS[1] .. 'idle') == 0 then
  local clock = redis.call('TIME')
  local now = clock[1] .. string.format('%03d', math.floor(clock[2] / 1000))
  local jobs = KEYS[1] .. 'j:'
  local outcome, elements = {}, {}
  for at = 3, #ARGV, 4 do
    local id, format, incarnation = ARGV[at], ARGV[at + 2], ARGV[at + 3]
    if incarnation == '' then
      if format == '' then
        redis.call('HSET', jobs .. id, 'p', ARGV[at + 1], 't', now)
      else
        redis.call('HSET', jobs .. id, 'p', ARGV[at + 1], 't', now, 'f', format)
      end
      elements[#elements + 1] = ',|' .. id
      outcome[#outcome + 1] = 1
    elseif redis.call('EXISTS', jobs .. id) == 1 then
      outcome[#outcome + 1] = 0
    else
      redis.call('HSET', jobs .. id, 'p', ARGV[at + 1], 't', now, 'f', format, 'i', incarnation)
      elements[#elements + 1] = ',' .. incarnation .. '|' .. id
      outcome[#outcome + 1] = 1
    end
  end
  if #elements > 0 then
    redis.call('RPUSH', KEYS[1] .. 'ready', unpack(elements))
  end
  return outcome
end
