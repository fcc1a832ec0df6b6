-- Adds hits and misses of one type to the ten minutes of now.
--
-- KEYS[1]  the type's hash: fields h<n> and m<n>, n = number of ten minutes since 1970
-- ARGV     hits, misses
-- returns  the server's time in milliseconds
-- cost     O(1); once in ten minutes O(fields), at most 2 x 146 of them
--
-- Run twice for one request it counts twice: a monitor whose reply was lost does not send it again.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local slice = math.floor(time[1] / 600)
local key = KEYS[1]

if redis.call('HEXISTS', key, 'h' .. slice) == 0 then
  local old = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local number = tonumber(string.sub(field, 2))
    if not number or number <= slice - 145 then
      old[#old + 1] = field
    end
  end
  if #old > 0 then
    redis.call('HDEL', key, unpack(old))
  end
end
redis.call('HINCRBY', key, 'h' .. slice, ARGV[1])
redis.call('HINCRBY', key, 'm' .. slice, ARGV[2])
redis.call('EXPIRE', key, 145 * 600)
return now_ms
