-- Begins a load, unless the entry has changed since it was read, or another process loads and that is to be waited for.
--
-- KEYS[1]  the entry
-- KEYS[2]  its lease, of the same hash tag (lease_note.h)
-- ARGV     the id of the entry that was read ("": there was none); the new lease's note; how long it lives in ms; the
--          token that it takes the place of ("": none); "share": a load under way is joined, or "wait": it is waited
--          for; how much of a lease's life is left when its loader is taken for dead
-- Returns  the token of the lease that the load may store with; or {entry, ms it lives on} when it is another entry; or
--          {token, ms until its loader is taken for dead, "elsewhere"}
-- Cost     O(1)
-- Running it twice leaves what running it once does. Deleting the lease is what makes every store of its loads fail.
local id = redis.call('GETRANGE', KEYS[1], 4, 11)
if id ~= '' and id ~= ARGV[1] then
  return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
end
local there = redis.call('GET', KEYS[2])
if there and string.sub(there, 1, 1) == 't' then
  local token = string.sub(there, 2, 9)
  if token == string.sub(ARGV[2], 2, 9) then
    return token
  end
  if token ~= ARGV[4] then
    local left = redis.call('PTTL', KEYS[2])
    if ARGV[5] == 'share' then
      if left < tonumber(ARGV[3]) then
        redis.call('PEXPIRE', KEYS[2], ARGV[3])
      end
      return token
    end
    if left > tonumber(ARGV[6]) then
      return {token, left - ARGV[6], 'elsewhere'}
    end
  end
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return string.sub(ARGV[2], 2, 9)
