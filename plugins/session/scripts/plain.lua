-- Reads a session that another system keeps in a plain key, and takes it over.
--
-- KEYS[1]  the plain key
-- ARGV     the digest of what was read before ("": only read); what the key holds from then on; for how long in ms
-- Returns  {"none"}; {"moved", what it holds}; {"text", digest, text}; {"hash", digest, fields and values}; {"other"}; {"taken"}
-- Cost     O(size)
-- Running it twice answers "moved" the second time, with what the caller wrote.
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind == 'none' then
  return {'none'}
end
local content, whole
if kind == 'string' then
  content = redis.call('GET', KEYS[1])
  if string.sub(content, 1, 14) == 'cachecore:{s}:' then
    return {'moved', string.sub(content, 15)}
  end
  kind, whole = 'text', content
elseif kind == 'hash' then
  content = redis.call('HGETALL', KEYS[1])
  whole = cmsgpack.pack(content)
else
  return {'other'}
end
local digest = redis.sha1hex(whole)
if ARGV[1] ~= '' and ARGV[1] == digest then
  redis.call('SET', KEYS[1], 'cachecore:{s}:' .. ARGV[2], 'PX', ARGV[3])
  return {'taken'}
end
return {kind, digest, content}
