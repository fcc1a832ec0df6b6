-- Who holds a lock and how many wait. Changes nothing.
--
-- KEYS     K, H, W (state.lua)
-- ARGV     how many holders are told at most
-- Returns  {mode, how many hold it, how many wait, and of each holder: token, ms until its lease ends, its fence or "", its
--          owner or ""}
-- Cost     O(holders told + log holders)
local call = redis.call
local K, H, W = KEYS[1], KEYS[2], KEYS[3]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is = call('HMGET', K, 'M', 'O', 'F')
if not is[1] then
  local held = call('HGETALL', K)
  if not held[1] then
    return {'', 0, 0}
  end
  return {'x', 1, 0, held[1], call('PTTL', K), '', held[2]}
end
local out = {is[1], call('ZCOUNT', H, '(' .. now, '+inf'), call('ZCARD', W)}
local holders = call('ZRANGEBYSCORE', H, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for i = 1, #holders, 2 do
  out[#out + 1] = holders[i]
  out[#out + 1] = holders[i + 1] - now
  out[#out + 1] = (is[1] == 'x' and is[3] or call('HGET', K, 'f' .. holders[i])) or ''
  out[#out + 1] = is[2] or ''
end
return out
