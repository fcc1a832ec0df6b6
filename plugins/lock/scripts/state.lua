-- The state of one lock, for the scripts that stand behind this one (scripts.h joins them).
--
-- KEYS[1]  K, a hash: there exactly while somebody holds the lock or waits for it.
--          Simple, as one caller alone makes it, without a script: {token: owner}, living as long as the lease.
--          Full, as soon as there is more to say: M the mode of the holders, O the owner of an exclusive one, F its fence, N the
--          last ticket, f<token> a holder's fence, w<token> what a waiter asks for, d<token> until when it counts as alive
-- KEYS[2]  H, a sorted set: the holders' tokens by the end of their leases (full state alone)
-- KEYS[3]  W, a sorted set: the waiters' tokens by ticket
-- KEYS[4]  F, a stream: its ids are the bucket's fences. They rise by its last id and by the clock, so also when either is wrong
-- ARGV[1]  the channels' common beginning; a token's first 12 characters name the process that is told
-- Times are the server's, in ms. A token was never used before, so every step may be taken twice.
local call = redis.call
local K, H, W, F = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Whatever is forgotten by all goes in the end.
local function keep(key, ms)
  if call('PTTL', key) < ms then
    call('PEXPIRE', key, 2 * ms + 60000)
  end
end

local function tell(token, text)
  call('PUBLISH', ARGV[1] .. string.sub(token, 1, 12), text)
end

-- 4,096 fences fit in a millisecond (fence.h). A stream that was lost begins a second ahead, so above all that it had given.
local function next_fence()
  local id = call('XADD', F, 'NOMKSTREAM', 'MAXLEN', 0, '*', 'f', '')
  if not id then
    return call('XADD', F, 'MAXLEN', 0, string.format('%.0f-%d', now + 1000, time[2] % 1000), 'f', '')
  end
  local ms, order = string.match(id, '(%d+)-(%d+)')
  if tonumber(order) < 4096 then
    return id
  end
  return call('XADD', F, 'MAXLEN', 0, string.format('%.0f-0', ms + 1), 'f', '')
end

-- From simple to full.
local function unfold()
  if call('HEXISTS', K, 'M') == 1 then
    return
  end
  local held = call('HGETALL', K)
  if not held[1] then
    return
  end
  local left = call('PTTL', K)
  call('DEL', K)
  call('HSET', K, 'M', 'x', 'O', held[2])
  call('ZADD', H, now + left, held[1])
  keep(K, left)
  keep(H, left)
end

-- Takes the lock from those whose lease is over.
local function prune()
  for _, token in ipairs(call('ZRANGEBYSCORE', H, '-inf', now)) do
    call('ZREM', H, token)
    call('HDEL', K, 'f' .. token)
    tell(token, 'l' .. token)
  end
end

local function fits(holding, count, mode, permits)
  return count == 0 or mode == holding and (mode == 'r' or mode == 's' and count < permits)
end

local function grant(token, mode, lease, owner, fence)
  fence = fence or next_fence()
  call('ZADD', H, now + lease, token)
  call('HSET', K, 'M', mode, 'O', owner, 'F', fence, 'f' .. token, fence)
  keep(K, lease)
  keep(H, lease)
  return fence
end

-- Gives the lock to the first who wait, as far as they fit. Returns how many hold it.
local function hand_over()
  local count = call('ZCARD', H)
  local holding = count > 0 and call('HGET', K, 'M')
  while true do
    local head = call('ZRANGE', W, 0, 0)[1]
    if not head then
      break
    end
    local asked = call('HMGET', K, 'w' .. head, 'd' .. head)
    local alive = asked[1] and tonumber(asked[2]) > now
    local mode, permits, lease, owner
    if alive then
      mode, permits, lease, owner = string.match(asked[1], '^(.)(%d+):(%d+):(.*)$')
      if not fits(holding, count, mode, tonumber(permits)) then
        return count
      end
    end
    call('ZREM', W, head)
    call('HDEL', K, 'w' .. head, 'd' .. head)
    if alive then
      local fence = grant(head, mode, tonumber(lease), owner)
      tell(head, string.format('g%s%s:%.0f', head, fence, now + lease))
      holding = mode
      count = count + 1
    end
  end
  if count == 0 then
    call('DEL', K)
  end
  return count
end

-- In how many ms the next lease ends; -1: nobody holds the lock.
local function next_end()
  local first = call('ZRANGE', H, 0, 0, 'WITHSCORES')
  return first[2] and math.max(first[2] - now, 0) or -1
end

