-- Gives a fence to one who took a lock without a script and got none: the bucket's stream is new, or had a crowded millisecond.
-- Behind state.lua.
--
-- ARGV     (1: channels) token
-- Returns  a fence; nil: it does not hold the lock any more
-- Cost     O(1)
-- Twice: the second fence is higher, which is as good.
if call('HEXISTS', K, ARGV[2]) == 0 and not call('ZSCORE', H, ARGV[2]) then
  return false
end
return next_fence(ARGV[2])
