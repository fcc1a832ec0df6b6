// hashes.cpp: maps of fields under one key.

#include "checked.h"
#include "hash_set_many.lua.h"
#include "kv.h"

namespace kv_plugin {

namespace {

constexpr cachecore_script hash_set_many_script{sizeof(cachecore_script), hash_set_many_lua,
                                                sizeof(hash_set_many_lua) - 1};

}  // namespace

task<bool> kv::hash_set(call &call, std::string_view key, std::string_view field, value data) {
  co_return (co_await call.redis("HSET", call.key(key), field, data)).as_int() == 1;
}

task<value> kv::hash_get(call &call, std::string_view key, std::string_view field) {
  const value found = co_await call.redis("HGET", call.key(key), field).may_be_stale();
  if (found.is_nil()) co_return not_found;
  co_return found;
}

task<value> kv::hash_get_all(call &call, std::string_view key) {
  const value all = (co_await call.redis("HGETALL", call.key(key)).may_be_stale()).paired();
  // Redis keeps no empty hash.
  if (all.pairs().empty()) co_return not_found;
  co_return all;
}

task<int64_t> kv::hash_set_many(call &call, std::string_view key, map_view fields, std::optional<int64_t> ttl_ms) {
  if (fields.empty())
    throw error(CACHECORE_INVALID_ARGUMENT, "fields must have at least one entry: Redis keeps no empty hash");
  const value name = call.key(key);
  auto words = ttl_ms ? call.words(*ttl_ms) : call.words("HSET", name);
  for (size_t i = 0; i < fields.size(); i++) {
    const entry &field = fields.entries()[i];
    words.add(item_field(field.key, "fields", i), item_value(field.value, "fields", i));
  }
  if (ttl_ms) co_return (co_await call.script_words(hash_set_many_script, {&name, 1}, words.all())).as_int();
  co_return (co_await call.redis(words)).as_int();
}

task<int64_t> kv::hash_increment(call &call, std::string_view key, std::string_view field, int64_t by) {
  co_return (co_await call.redis("HINCRBY", call.key(key), field, by)).as_int();
}

task<int64_t> kv::hash_delete(call &call, std::string_view key, value fields) {
  auto words = call.words("HDEL", call.key(key));
  if (fields.is(CACHECORE_BYTES)) {
    words.add(fields);
  } else {
    if (fields.items().empty()) co_return 0;
    for (size_t i = 0; i < fields.items().size(); i++) words.add(item_field(fields.items()[i], "field", i));
  }
  co_return (co_await call.redis(words)).as_int();
}

}  // namespace kv_plugin
