-- Lets leases of locks of one bucket go on. Never makes one shorter, so that it may race with itself.
--
-- KEYS     K and H of each lock (state.lua)
-- ARGV     token and lease in ms of each lock
-- Returns  of each lock 1: its lease goes on; 0: it is not held any more
-- Cost     O(locks * log holders)
-- Twice: as once.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
for i = 1, #KEYS, 2 do
  local K, H, token, lease = KEYS[i], KEYS[i + 1], ARGV[i], tonumber(ARGV[i + 1])
  local held = 0
  if call('HEXISTS', K, token) == 1 then
    held = 1
    if call('PTTL', K) < lease then
      call('PEXPIRE', K, lease)
    end
  else
    local ends = tonumber(call('ZSCORE', H, token) or 0)
    if ends > now then
      held = 1
      if ends < now + lease then
        call('ZADD', H, now + lease, token)
        for _, key in ipairs({K, H}) do
          if call('PTTL', key) < lease then
            call('PEXPIRE', key, 2 * lease + 60000)
          end
        end
      end
    end
  end
  out[#out + 1] = held
end
return out
