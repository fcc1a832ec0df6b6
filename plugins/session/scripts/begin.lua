-- What a ticket is made of.
--
-- KEYS[1]  the user's mark
-- ARGV     home
-- Returns  {now, mark}; an empty mark: destroy_all has not been called for as long as tickets hold
-- Cost     O(1)
-- It changes nothing.
return {now_ms(), redis.call('HGET', KEYS[1], 'mark') or ''}
