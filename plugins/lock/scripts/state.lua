-- The state of one lock, for the scripts that stand behind this one (scripts.h joins them).
--
-- KEYS[1]  K, a hash: there exactly while somebody holds the lock or waits for it.
--          Simple, as one caller alone makes it, without a script: {token: owner}, living as long as the lease.
--          Full, as soon as there is more to say: M the mode of the holders, O the owner of exclusive ones, F the last fence
--          (exclusive ones of one owner share it), N the last ticket, f<token> the fence of a holder that is not exclusive,
--          w<token> what a waiter asks for, and until when it counts as alive
-- KEYS[2]  H, a sorted set: the holders' tokens by the end of their leases (full state alone)
-- KEYS[3]  W, a sorted set: the waiters' tokens by ticket
-- KEYS[4]  F, a stream: its ids are the bucket's fences. They rise by its last id and by the clock, so also when either is wrong
-- ARGV[1]  the channels' common beginning; a token's first 12 characters name the process that is told
-- Times are the server's, in ms. A token was never used before, so every step may be taken twice.
--
-- Every call costs as much as a command, so the usual ways are kept short: who waits behind an exclusive holder, and who hands over
-- to one.
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

-- A script may have what it grants to its own process in `told` instead of over the channel: it says whose it is in `me`.
local me
local told = {0}

-- Returns how many heard it; on a cluster only those at this node.
local function tell(token, text)
  return call('PUBLISH', ARGV[1] .. string.sub(token, 1, 12), text)
end

-- 4,096 fences fit in a millisecond (fence_id). A stream that was lost begins a second ahead, so above all that it had given. One in
-- 64 trims it: nobody reads the entries.
local function next_fence(token)
  local id = call('XADD', F, 'NOMKSTREAM', '*', 'f', '')
  if not id then
    return call('XADD', F, string.format('%.0f-%d', now + 1000, time[2] % 1000), 'f', '')
  end
  if string.sub(token, -1) == 'A' then
    call('XTRIM', F, 'MAXLEN', 0)
  end
  local ms, order = string.match(id, '(%d+)-(%d+)')
  if tonumber(order) < 4096 then
    return id
  end
  return call('XADD', F, string.format('%.0f-0', ms + 1), 'f', '')
end

-- From simple to full; `mode` is what K has as M. Returns M.
local function unfold(mode)
  if mode then
    return mode
  end
  local held = call('HGETALL', K)
  if held[1] then
    local left = call('PTTL', K)
    call('DEL', K)
    call('HSET', K, 'M', 'x', 'O', held[2])
    call('ZADD', H, now + left, held[1])
    keep(K, left)
    keep(H, left)
    return 'x'
  end
end

-- Takes the lock from those whose lease is over. Returns the first of the others and the end of its lease; nil: nobody holds it.
local function prune()
  while true do
    local first = call('ZRANGE', H, 0, 0, 'WITHSCORES')
    local ends = tonumber(first[2])
    if not ends or ends > now then
      return first[1], ends
    end
    call('ZREM', H, first[1])
    call('HDEL', K, 'f' .. first[1])
    tell(first[1], 'l' .. first[1])
  end
end

local function fits(holding, count, mode, permits)
  return count == 0 or mode == holding and (mode == 'r' or mode == 's' and count < permits)
end

-- `first`: nobody else holds it.
local function grant(first, token, mode, lease, owner, fence)
  fence = fence or next_fence(token)
  call('ZADD', H, now + lease, token)
  if mode == 'x' then
    call('HSET', K, 'M', 'x', 'O', owner, 'F', fence)
  else
    call('HSET', K, 'M', mode, 'O', '', 'F', fence, 'f' .. token, fence)
  end
  keep(K, lease)
  if first then
    call('PEXPIRE', H, 2 * lease + 60000)
  else
    keep(H, lease)
  end
  return fence
end

local function fence_of(token, mode)
  return call('HGET', K, mode == 'x' and 'F' or 'f' .. token)
end

-- Gives the lock to the first who wait, as far as they fit. `count`: how many hold it, in the mode `holding`. Returns both.
local function hand_over(count, holding)
  while count == 0 or holding ~= 'x' do
    local head
    if count == 0 then
      head = call('ZPOPMIN', W)[1]
    else
      head = call('ZRANGE', W, 0, 0)[1]
    end
    if not head then
      break
    end
    local mode, permits, lease, alive, owner =
      string.match(call('HGET', K, 'w' .. head) or '', '^(.)(%d+):(%d+):(%d+):(.*)$')
    if mode and tonumber(alive) <= now then
      mode = nil
    end
    if count > 0 then
      if mode and not fits(holding, count, mode, tonumber(permits)) then
        break
      end
      call('ZREM', W, head)
    end
    call('HDEL', K, 'w' .. head)
    if mode then
      local fence = grant(count == 0, head, mode, tonumber(lease), owner)
      local text = string.format('g%s%s:%.0f', head, fence, now + lease)
      if string.sub(head, 1, 12) == me then
        told[#told + 1] = text
      elseif tell(head, text) == 0 then
        -- Its process may have died: the next is told when to look.
        local next = call('ZRANGE', W, 0, 0)[1]
        if next then
          tell(next, string.format('e%s:%.0f', next, now + lease))
        end
      end
      holding = mode
      count = count + 1
    end
  end
  if count == 0 then
    call('DEL', K)
  end
  return count, holding
end

