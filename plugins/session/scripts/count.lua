-- Counts the sessions of a user.
--
-- KEYS[1]  the user's index
-- ARGV     home
-- Returns  how many live
-- Cost     O(log sessions of the user)
-- It changes nothing.
return redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now_ms()), '+inf')
