-- Counts an attempt against a rate: GCRA, the generic cell rate algorithm (ITU-T Recommendation I.371, annex A, as
-- virtual scheduling; the ATM Forum's Traffic Management 4.0 has the same).
--
-- One number is kept: the theoretical arrival time, when the next attempt would come if all came evenly. An attempt
-- moves it on by one interval; it is refused when that would put it further than the window into the future.
--
-- KEYS[1]  the subject
-- ARGV     how many attempts, in how many ms
-- Returns  {1 or 0: allowed, how many more are allowed at once, ms until one is allowed, ms until all are}
-- Cost     O(1)
-- Running it twice counts two attempts: it refuses sooner, never later.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- Whole microseconds: sums of them are exact.
local interval = math.floor(ARGV[2] * 1000 / ARGV[1])
local window = interval * ARGV[1]
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
-- What another window or a clock that was set back have left is no reason to refuse for longer than the window.
arrival = math.min(arrival, now + window)
local allowed = 0
if arrival + interval - now <= window then
  allowed = 1
  arrival = arrival + interval
  redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
end
local remaining = math.floor((window - (arrival - now)) / interval)
local retry = 0
if remaining == 0 then
  retry = math.ceil((arrival + interval - now - window) / 1000)
end
return {allowed, remaining, retry, math.ceil((arrival - now) / 1000)}
