-- Gives a lock back, or a place in its line, and hands over. Behind state.lua.
--
-- ARGV     (1: channels) token, the process that asks
-- Returns  {1: it held the lock, 2: it waited, 0: neither; and what is granted to the process that asks, as it would be told}
-- Cost     O(log waiters), and what is handed over
-- Twice: the second run finds nothing to do.
local token = ARGV[2]
me = ARGV[3]
local was = 1
if call('ZREM', H, token) == 0 then
  if call('ZREM', W, token) == 0 then
    return {call('HDEL', K, token)}
  end
  call('HDEL', K, 'w' .. token)
  was = 2
end
local count = call('ZCARD', H)
if count == 0 then
  if was == 1 then
    call('HDEL', K, 'f' .. token)
  end
  hand_over(0)
else
  call('HDEL', K, 'f' .. token)
  prune()
  hand_over(call('ZCARD', H), call('HGET', K, 'M'))
end
told[1] = was
return told
