-- Takes the oldest value of a plain list, after those that have become due in its sorted set were moved there.
--
-- KEYS     the list, the sorted set
-- Returns  {value or nil as false, ms until the next is due (-1: none)}
-- Cost     O(log n + values that are due); moves at most 500 a call
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 500)
if #due > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, #due - 1)
  redis.call('RPUSH', KEYS[1], unpack(due))
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return {redis.call('LPOP', KEYS[1]), first[2] and math.max(tonumber(first[2]) - now, 0) or -1}
