-- Takes a lock, or a place in its line. Behind state.lua.
--
-- ARGV     (1: channels) token, mode (x, r, s), permits, lease in ms, for how many ms the waiter counts as alive (0: it does not
--          wait), owner, the fence that this owner's hold is known to have ("": not known)
-- Returns  {1, fence}; {0, ms until the next lease ends, the server's time}: it waits; {-1}: held, and it does not wait
-- Cost     O(log waiters), and what expired or is handed over
-- Twice: the second run finds the token where the first one put it.
local token, mode, permits = ARGV[2], ARGV[3], tonumber(ARGV[4])
local lease, alive, owner = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local is = call('HMGET', K, 'M', 'O', 'F')
local holding = unfold(is[1])
if holding and not is[1] then
  is = call('HMGET', K, 'M', 'O', 'F')
end
local first, ends = prune()
local count = 1
if not first then
  count, holding = hand_over(0)
elseif holding ~= 'x' then
  count, holding = hand_over(call('ZCARD', H), holding)
end
if count > 0 then
  if first == token or (holding ~= 'x' or owner ~= '') and call('ZSCORE', H, token) then
    return {1, fence_of(token, holding)}
  end
  if owner ~= '' and first and is[1] == 'x' and is[2] == owner then
    return {1, grant(false, token, 'x', lease, owner, is[3] or (ARGV[8] ~= '' and ARGV[8]))}
  end
end
if fits(holding, count, mode, permits) and call('EXISTS', W) == 0 then
  return {1, grant(count == 0, token, mode, lease, owner)}
end
if alive == 0 then
  return {-1}
end
if call('ZADD', W, 'NX', call('HINCRBY', K, 'N', 1), token) == 1 then
  -- Put together, since format would end an owner at a NUL.
  call('HSET', K, 'w' .. token, mode .. ARGV[4] .. ':' .. ARGV[5] .. ':' .. string.format('%.0f', now + alive) .. ':' .. owner)
  keep(K, alive)
  keep(W, alive)
end
if not first then
  first, ends = prune()
end
return {0, ends - now, now}
