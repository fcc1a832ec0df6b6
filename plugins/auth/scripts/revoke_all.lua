-- Ends all sign-ins of a user, and those whose ticket was taken before. Needs drop.lua.
--
-- KEYS     the user's list, the user's marker
-- ARGV     1 root, 2 what stays: a member, or 't' and the selector of any token ('': nothing), 3 the new marker,
--          4 how long it stays, in ms
-- Returns  how many ended
-- Cost     O(n)
local root, list, stays = ARGV[1], KEYS[1], ARGV[2]
if stays:sub(1, 1) == 't' then
  local record = redis.call('HMGET', root .. 't:' .. stays:sub(2), 'f', 'n')
  if record[1] then
    stays = 'f' .. record[1]
  elseif record[2] then
    stays = 'p' .. stays:sub(2)
  end
end
local ended = 0
redis.call('ZREMRANGEBYSCORE', list, '-inf', milliseconds())
for _, member in ipairs(redis.call('ZRANGE', list, 0, -1)) do
  if member ~= stays then
    drop(root, list, member)
    ended = ended + 1
  end
end
keep_list(list)
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return ended
