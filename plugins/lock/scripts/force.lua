-- Takes a lock from all who hold it, tells them, and hands over. Behind state.lua.
--
-- Returns  how many held it
-- Cost     O(holders), and what is handed over
-- Twice: the second run would take it from those it was handed to, so it is sent once.
unfold(call('HGET', K, 'M'))
prune()
local holders = call('ZRANGE', H, 0, -1)
call('DEL', H)
for _, token in ipairs(holders) do
  call('HDEL', K, 'f' .. token)
  tell(token, 'f' .. token)
end
hand_over(0)
return #holders
