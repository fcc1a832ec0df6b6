-- Records an invalidation in a region's marker, or makes the marker. Layout: marker.h.
--
-- KEYS[1]  the marker
-- KEYS[2]  the hash of the region's tags, of the same hash tag: tag -> epoch of its last invalidation
-- ARGV     8 random bytes; "p" a pattern, "t" a tag, "": nothing, the marker is only made; the pattern or tag; how many
--          patterns, how many tags, and how many bytes of records are kept in the marker; how many tags in the hash
-- Returns  the marker
-- Fails    when the marker's key holds something else
-- Cost     O(size of the marker)
-- An epoch is the server's time in us, or one more than the last: it rises also when the marker's latest changes were
-- lost with a failover. With more patterns than are kept the whole region is cleared; of more tags the oldest leave the
-- list and stay in the hash; with more than the hash may have, it is begun anew and all entries with tags are cleared.
-- Running it twice invalidates twice.
local header = 41
local layout = '<Bc8I8I8I8I8'
local marker = redis.call('GET', KEYS[1])
if marker and ARGV[2] == '' then
  return marker
end
local time = redis.call('TIME')
local epoch = time[1] * 1000000 + time[2]
if not marker then
  marker = struct.pack(layout, 2, ARGV[1], epoch, epoch, 0, epoch)
  redis.call('UNLINK', KEYS[2])
  if ARGV[2] == '' then
    redis.call('SET', KEYS[1], marker)
    return marker
  end
end
if #marker < header or string.byte(marker) ~= 2 then
  return redis.error_reply('ERR the key of a region\'s marker holds something else')
end
local version, incarnation, last, cleared, tags_cleared, tags_listed = struct.unpack(layout, marker)
epoch = math.max(epoch, last + 1)

-- The records that stay, without the one that comes again.
local records, counts, at, bytes = {}, {p = 0, t = 0}, header + 1, 0
while at <= #marker do
  local since, kind, size = struct.unpack('<I8c1I2', marker, at)
  local what = string.sub(marker, at + 11, at + 10 + size)
  if kind ~= ARGV[2] or what ~= ARGV[3] then
    records[#records + 1] = {since, kind, string.sub(marker, at, at + 10 + size)}
    counts[kind] = counts[kind] + 1
    bytes = bytes + 11 + size
  end
  at = at + 11 + size
end
local added = struct.pack('<I8c1I2', epoch, ARGV[2], #ARGV[3]) .. ARGV[3]
records[#records + 1] = {epoch, ARGV[2], added}
counts[ARGV[2]] = counts[ARGV[2]] + 1
bytes = bytes + #added

if ARGV[2] == 't' then
  local known = redis.call('HGET', KEYS[2], '')
  if known ~= struct.pack('<I8', tags_cleared) or redis.call('HLEN', KEYS[2]) > tonumber(ARGV[7]) then
    -- The first tag, a hash that was lost, or one that is full.
    redis.call('UNLINK', KEYS[2])
    if tags_cleared > 0 or known then
      tags_cleared = epoch
    else
      tags_cleared = 1
    end
    redis.call('HSET', KEYS[2], '', struct.pack('<I8', tags_cleared))
  end
  redis.call('HSET', KEYS[2], ARGV[3], struct.pack('<I8', epoch))
end

-- Tags leave the list first: they stay in the hash.
local kept, first_out = {}, counts.t - tonumber(ARGV[5])
for _, record in ipairs(records) do
  if record[2] == 't' and (first_out > 0 or bytes > tonumber(ARGV[6])) then
    first_out = first_out - 1
    counts.t = counts.t - 1
    bytes = bytes - #record[3]
    tags_listed = math.max(tags_listed, record[1])
  else
    kept[#kept + 1] = record[3]
  end
end
if (ARGV[2] == 'p' and ARGV[3] == '*') or counts.p > tonumber(ARGV[4]) or bytes > tonumber(ARGV[6]) then
  -- Nothing that is older than now is valid, so no record is needed.
  cleared, tags_listed, kept = epoch, epoch, {}
end
marker = struct.pack(layout, 2, incarnation, epoch, cleared, tags_cleared, tags_listed) .. table.concat(kept)
redis.call('SET', KEYS[1], marker)
return marker
