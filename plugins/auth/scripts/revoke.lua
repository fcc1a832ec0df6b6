-- Ends the sign-in that a token, a refresh token or a handle belongs to. Needs drop.lua.
--
-- KEYS[1]  the token's record or the family
-- ARGV     1 root, 2 member ('t' for every token that is not a family), 3 its user ('': whoever it is)
-- Returns  1: there was one, 0: there was none
-- Cost     O(log n)
local root, member = ARGV[1], ARGV[2]
local record = redis.call('HMGET', KEYS[1], 'u', 'f', 'n')
local owner = record[1]
if not owner or (ARGV[3] ~= '' and owner ~= ARGV[3]) then
  return 0
end
if member:sub(1, 1) ~= 'f' then
  if record[2] then
    member = 'f' .. record[2]
  elseif record[3] then
    member = 'p' .. member:sub(2)
  end
end
drop(root, root .. 'u:' .. owner, member)
-- An access token of a family that has forgotten it since.
redis.call('UNLINK', KEYS[1])
return 1
