-- Records an invalidation in a region's marker, or makes the marker. Layout: marker.h.
--
-- KEYS[1]  the marker
-- ARGV     8 random bytes; a pattern ("": none, the marker is only made); how many patterns, and how many bytes of a marker, are kept
-- Returns  the marker
-- Fails    when the key holds something else
-- Cost     O(size of the marker)
-- An epoch is the server's time in us, or one more than the last: it rises also when the marker's latest changes were lost with
-- a failover. With more patterns than are kept the whole region is cleared. Running it twice invalidates twice.
local header = 25
local marker = redis.call('GET', KEYS[1])
if marker and ARGV[2] == '' then
  return marker
end
local time = redis.call('TIME')
local epoch = time[1] * 1000000 + time[2]
if not marker then
  marker = struct.pack('<Bc8I8I8', 1, ARGV[1], epoch, epoch)
  if ARGV[2] == '' then
    redis.call('SET', KEYS[1], marker)
    return marker
  end
end
if #marker < header or string.byte(marker) ~= 1 then
  return redis.error_reply('ERR the key of a region\'s marker holds something else')
end
local version, incarnation, last, cleared = struct.unpack('<Bc8I8I8', marker)
epoch = math.max(epoch, last + 1)
local patterns, count, at = {}, 0, header + 1
while at <= #marker do
  local since, size = struct.unpack('<I8I2', marker, at)
  local pattern = string.sub(marker, at + 10, at + 9 + size)
  if pattern ~= ARGV[2] then
    count = count + 1
    patterns[count] = string.sub(marker, at, at + 9 + size)
  end
  at = at + 10 + size
end
patterns[count + 1] = struct.pack('<I8I2', epoch, #ARGV[2]) .. ARGV[2]
local kept = table.concat(patterns)
if ARGV[2] == '*' or count + 1 > tonumber(ARGV[3]) or header + #kept > tonumber(ARGV[4]) then
  cleared, kept = epoch, ''
end
marker = struct.pack('<Bc8I8I8', 1, incarnation, epoch, cleared) .. kept
redis.call('SET', KEYS[1], marker)
return marker
