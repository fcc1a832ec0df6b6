-- Lists the sessions of a user, the one that would expire last first.
--
-- KEYS[1]  the user's index
-- ARGV     home
-- Returns  {hash, fields, hash, fields ...}
-- Cost     O(sessions of the user and their fields)
-- It changes nothing.
local listed = {}
for _, hash in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. string.format('%.0f', now_ms()))) do
  local fields = redis.call('HGETALL', key_of(hash))
  if #fields > 0 then
    listed[#listed + 1] = hash
    listed[#listed + 1] = fields
  end
end
return listed
