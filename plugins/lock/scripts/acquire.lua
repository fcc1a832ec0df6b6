-- Takes a lock, or a place in its line. Behind state.lua.
--
-- ARGV     (1: channels) token, mode (x, r, s), permits, lease in ms, for how many ms the waiter counts as alive (0: it does not
--          wait), owner, the fence that this owner's hold is known to have ("": not known)
-- Returns  {1, fence}; {0, ms until the next lease ends, the server's time}: it waits; {-1}: held, and it does not wait
-- Cost     O(log waiters), and what expired or is handed over
-- Twice: the second run finds the token where the first one put it.
local token, mode, permits = ARGV[2], ARGV[3], tonumber(ARGV[4])
local lease, alive, owner = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
unfold()
prune()
if call('ZSCORE', H, token) then
  return {1, call('HGET', K, 'f' .. token)}
end
local count = hand_over()
local is = call('HMGET', K, 'M', 'O', 'F')
if count > 0 and owner ~= '' and is[1] == 'x' and is[2] == owner then
  return {1, grant(token, 'x', lease, owner, is[3] or (ARGV[8] ~= '' and ARGV[8]))}
end
if not call('ZSCORE', W, token) then
  if call('EXISTS', W) == 0 and fits(is[1], count, mode, permits) then
    return {1, grant(token, mode, lease, owner)}
  end
  if alive == 0 then
    return {-1}
  end
  call('ZADD', W, call('HINCRBY', K, 'N', 1), token)
  call('HSET', K, 'w' .. token, mode .. ARGV[4] .. ':' .. ARGV[5] .. ':' .. owner, 'd' .. token, now + alive)
  keep(K, alive)
  keep(W, alive)
end
return {0, next_end(), now}
