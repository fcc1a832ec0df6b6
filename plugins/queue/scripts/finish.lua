-- Ends leases: completed, failed, or released.
--
-- KEYS[1]  the queue's prefix
-- ARGV     settings, 'q' and one member, or 'f' and for each lease member, kind, text, extra, as finish in job.lua has them
-- Returns  a list: for each lease 1: done; 0: it was over; -1: the job was cancelled
-- Cost     O(leases log n)
local outcome = {}
if ARGV[2] == 'q' then
  outcome[1] = finish(ARGV[3], 'c', '', '')
else
  for at = 3, #ARGV, 4 do
    outcome[#outcome + 1] = finish(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  end
end
if rules.concurrency then
  wake()
end
return outcome
