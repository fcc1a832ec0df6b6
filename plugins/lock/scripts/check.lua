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
    local asked = call('HGET', K, 'w' .. ARGV[i])
    local before, behind = string.match(asked or '', '^(.%d+:%d+:)%d+(:.*)$')
    if before then
      call('HSET', K, 'w' .. ARGV[i], before .. string.format('%.0f', now + alive) .. behind)
    end
    longest = math.max(longest, alive)
  end
end
if longest > 0 then
  keep(K, longest)
  keep(W, longest)
end
local holding = unfold(call('HGET', K, 'M'))
prune()
local _
_, holding = hand_over(call('ZCARD', H), holding)
local _, ends = prune()
local out = {ends and ends - now or -1, now}
for i = 2, #ARGV, 2 do
  local held = call('ZSCORE', H, ARGV[i])
  if held then
    out[#out + 1] = {1, fence_of(ARGV[i], holding), tonumber(held)}
  else
    out[#out + 1] = {call('ZSCORE', W, ARGV[i]) and 0 or -1}
  end
end
return out
