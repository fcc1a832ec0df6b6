-- Lets leases last at least so much longer: none is ever shortened.
--
-- KEYS[1]  the queue's prefix
-- ARGV     lease in ms, members (at most 500)
-- Returns  a list: for each 1: held; 0: it was over; -1: the job was cancelled
-- Cost     O(members log n): 3 commands, and 1 for each lease that was over
local clock = redis.call('TIME')
local lease = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1]
local active, outcome, words = KEYS[1] .. 'active', {}, {}
local held = redis.call('ZMSCORE', active, unpack(ARGV, 2))
for at = 1, #held do
  local member = ARGV[at + 1]
  if held[at] then
    outcome[at] = 1
    words[#words + 1] = lease
    words[#words + 1] = member
  else
    local id = string.sub(member, string.find(member, '|', 1, true) + 1)
    outcome[at] = redis.call('HGET', KEYS[1] .. 'j:' .. id, 's') == 'k' and -1 or 0
  end
end
if #words > 0 then
  redis.call('ZADD', active, 'XX', 'GT', unpack(words))
end
return outcome
