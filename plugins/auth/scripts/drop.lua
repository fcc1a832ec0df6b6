-- Put before the scripts that end sign-ins: what they share. It runs nothing by itself.
--
-- A sign-in is a member of its user's list: 't' and the selector of a token, 'p' and that of a token the caller made,
-- 'f' and that of a family (a refresh token with its access tokens). All its keys begin with `root`.
local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Removes a sign-in with all it holds.
local function drop(root, list, member)
  local selector = member:sub(2)
  if member:sub(1, 1) == 'f' then
    local family = root .. 'f:' .. selector
    for _, access in ipairs({redis.call('HGET', family, 'a'), redis.call('HGET', family, 'b')}) do
      if access then
        redis.call('UNLINK', root .. 't:' .. access)
      end
    end
    redis.call('UNLINK', family)
  else
    redis.call('UNLINK', root .. 't:' .. selector)
  end
  redis.call('ZREM', list, member)
end

-- The list lives as long as the last of its members.
local function keep_list(list)
  local last = redis.call('ZRANGE', list, -1, -1, 'WITHSCORES')
  if last[2] then
    redis.call('PEXPIREAT', list, string.format('%.0f', tonumber(last[2])))
  end
end
