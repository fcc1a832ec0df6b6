-- Gives back what a claim took whose caller has gone before the reply came. What is looked for are leases that end when those of that
-- claim do, so the cost depends on what was claimed meanwhile, not on what is in flight.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, token, lease in ms, how long ago the claim can have begun in ms, how many leases to pass over
-- Returns  {how many were looked at (below 500: that was all), how many were given back}
-- Cost     O(log n + leases looked at), at most 500
local lease = tonumber(ARGV[3])
local some = redis.call('ZRANGEBYSCORE', base .. 'active', now + lease - tonumber(ARGV[4]), now + lease, 'LIMIT', ARGV[5], 500)
local given = 0
for _, member in ipairs(some) do
  if string.sub(member, 1, #ARGV[2]) == ARGV[2] and finish(member, 'l', '', '0') == 1 then
    given = given + 1
  end
end
return {#some, given}
