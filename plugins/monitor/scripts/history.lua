-- Reads what was recorded of one type in the last 24 hours.
--
-- KEYS[1]  the type's hash, see record.lua
-- returns  a flat list: start of ten minutes in milliseconds, hits, misses, ...; oldest first
-- cost     O(fields), at most 2 x 146 of them
local slice = math.floor(redis.call('TIME')[1] / 600)
local figures = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  figures[fields[i]] = fields[i + 1]
end
local out = {}
for number = slice - 143, slice do
  local hits, misses = figures['h' .. number], figures['m' .. number]
  if hits or misses then
    out[#out + 1] = number * 600000
    out[#out + 1] = tonumber(hits or 0)
    out[#out + 1] = tonumber(misses or 0)
  end
end
return out
