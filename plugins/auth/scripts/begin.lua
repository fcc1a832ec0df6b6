-- What a ticket holds: the server's time, and the last revoke_all of the user that is remembered.
--
-- KEYS[1]  the user's marker, written by revoke_all.lua
-- Returns  the time in ms, the marker ('' when there is none)
-- Cost     O(1)
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('GET', KEYS[1]) or ''}
