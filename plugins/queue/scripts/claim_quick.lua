-- Acknowledges plain jobs and claims plain ones, where nothing is out of the ordinary; else claim.lua, which follows, goes on.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'q' ('m': claims by claim.lua; 'f': all by claim.lua), how many, lease in ms, token, '1' when the caller will wait, then members to acknowledge
-- Returns  {now, 0, how many acknowledgements came too late, {}, {id, payload, format, attempt, kind, ...}}
-- Cost     O(count log n): 5 commands and 2 a job; acknowledging 2
local carried, late, acknowledged = nil, 0, false
if ARGV[2] ~= 'f' and redis.call('EXISTS', KEYS[1] .. 'rules', KEYS[1] .. 'prior') == 0 then
  local jobs, active = KEYS[1] .. 'j:', KEYS[1] .. 'active'
  acknowledged = true
  if #ARGV == 7 then
    if redis.call('ZREM', active, ARGV[7]) == 1 then
      redis.call('UNLINK', jobs .. string.sub(ARGV[7], string.find(ARGV[7], '|', 1, true) + 1))
    else
      late = 1
    end
  elseif #ARGV > 7 then
    local hashes = {}
    for at = 7, #ARGV do
      hashes[at - 6] = jobs .. string.sub(ARGV[at], string.find(ARGV[at], '|', 1, true) + 1)
    end
    late = #hashes - redis.call('ZREM', active, unpack(ARGV, 7))
    if late > 0 then
      -- Some were over: ours are those whose job still knows our token.
      local ours = {}
      for at, hash in ipairs(hashes) do
        if redis.call('HGET', hash, 'h') == string.sub(ARGV[at + 6], 1, string.find(ARGV[at + 6], '|', 1, true) - 1) then
          ours[#ours + 1] = hash
        end
      end
      hashes = ours
    end
    if #hashes > 0 then
      redis.call('UNLINK', unpack(hashes))
    end
  end
  local taken = ARGV[2] == 'q' and ARGV[3] ~= '0' and redis.call('LPOP', KEYS[1] .. 'ready', ARGV[3])
  if taken then
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    local token = ARGV[5]
    -- Written once: numbers cost a conversion wherever they are used.
    local lease, found, leases = string.format('%.0f', now + ARGV[4]), {}, {}
    for at = 1, #taken do
      local element = taken[at]
      if string.byte(element, 1) ~= 44 then
        carried = carried or {}
        carried[#carried + 1] = element
      else
        local bar = string.find(element, '|', 1, true)
        local id = string.sub(element, bar + 1)
        local job = redis.call('HMGET', jobs .. id, 'p', 'a', 'h', 's', 'i', 'f')
        local state = job[4]
        if job[1] and (job[5] or '') == string.sub(element, 2, bar - 1) and (not job[3] or job[3] == '') and
          (not state or state == '' or state == 'd') then
          local attempt = job[2] and tostring(job[2] + 1) or '1'
          redis.call('HSET', jobs .. id, 'a', attempt, 'h', token)
          local n = #found
          found[n + 1], found[n + 2], found[n + 3], found[n + 4], found[n + 5] = id, job[1], job[6] or '', attempt, ''
          leases[#leases + 1] = lease
          leases[#leases + 1] = token .. '|' .. id
        else
          redis.call('HINCRBY', KEYS[1] .. 'stats', 'gone', -1)
        end
      end
    end
    if #leases > 0 then
      redis.call('ZADD', active, unpack(leases))
      for at = carried and #carried or 0, 1, -1 do
        redis.call('LPUSH', KEYS[1] .. 'ready', carried[at])
      end
      return {now, 0, late, {}, found}
    end
  elseif ARGV[3] == '0' then
    return {0, 0, late, {}, {}}
  end
end
