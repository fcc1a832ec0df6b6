-- Looks after a lock that is waited for: whose lease is over, whose turn it is, and what has become of some who wait.
-- Behind state.lua.
--
-- ARGV     (1: channels) token, for how many ms it counts as alive from now; and so on
-- Returns  {ms until the next lease ends, the server's time, and of each token {0}: it waits; {1, fence, end of its lease}: it
--          holds the lock; {-1}: neither}
-- Cost     O(tokens * log waiters), and what expired or is handed over
-- Twice: as once.
local longest = 0
for i = 2, #ARGV, 2 do
  if call('ZSCORE', W, ARGV[i]) then
    local alive = tonumber(ARGV[i + 1])
    call('HSET', K, 'd' .. ARGV[i], now + alive)
    longest = math.max(longest, alive)
  end
end
if longest > 0 then
  keep(K, longest)
  keep(W, longest)
end
unfold()
prune()
hand_over()
local out = {next_end(), now}
for i = 2, #ARGV, 2 do
  local ends = call('ZSCORE', H, ARGV[i])
  if ends then
    out[#out + 1] = {1, call('HGET', K, 'f' .. ARGV[i]), tonumber(ends)}
  else
    out[#out + 1] = {call('ZSCORE', W, ARGV[i]) and 0 or -1}
  end
end
return out
