-- Gives a lock back, or a place in its line, and hands over. Behind state.lua.
--
-- ARGV     (1: channels) token
-- Returns  1: it held the lock; 2: it waited; 0: neither
-- Cost     O(log waiters), and what is handed over
-- Twice: the second run finds nothing to do.
local token = ARGV[2]
local was = 1
if call('ZREM', H, token) == 1 then
  call('HDEL', K, 'f' .. token)
elseif call('ZREM', W, token) == 1 then
  call('HDEL', K, 'w' .. token, 'd' .. token)
  was = 2
else
  return call('HDEL', K, token)
end
prune()
hand_over()
return was
