-- Completes one plain job without a result, where nothing is out of the ordinary; else finish.lua, which follows, does it.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'q' (or 'f': only finish.lua), the member
-- Returns  {1}: it is done; {0}: the lease was over, or it was acknowledged before; {-1}: the job was cancelled
-- Cost     O(log n): 3 commands
if ARGV[2] == 'q' and redis.call('EXISTS', KEYS[1] .. 'rules') == 0 then
  if redis.call('ZREM', KEYS[1] .. 'active', ARGV[3]) == 1 then
    redis.call('UNLINK', KEYS[1] .. 'j:' .. string.sub(ARGV[3], string.find(ARGV[3], '|', 1, true) + 1))
    return {1}
  end
  return {redis.call('HGET', KEYS[1] .. 'j:' .. string.sub(ARGV[3], string.find(ARGV[3], '|', 1, true) + 1), 's') == 'k' and -1 or 0}
end
