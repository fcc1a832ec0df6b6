// strings.cpp: single values, several at once, counters and compare-and-set.

#include "checked.h"
#include "compare_and_set.lua.h"
#include "kv.h"

namespace kv_plugin {

namespace {

constexpr cachecore_script compare_and_set_script{sizeof(cachecore_script), compare_and_set_lua,
                                                  sizeof(compare_and_set_lua) - 1};

}  // namespace

task<bool> kv::set(call &call, std::string_view key, value data, std::optional<int64_t> ttl_ms, map_view options) {
  auto set = call.words("SET", call.key(key), data);
  const bool keep_ttl = options["keep_ttl"].is(CACHECORE_BOOL) && options["keep_ttl"].as_bool();
  if (ttl_ms && keep_ttl)
    throw error(CACHECORE_INVALID_ARGUMENT, "options.keep_ttl and ttl_ms exclude each other: give one of them");
  if (ttl_ms) set.add("PX", *ttl_ms);
  if (keep_ttl) set.add("KEEPTTL");
  if (const value *condition = options.find("if"); condition != nullptr && !condition->is_nil()) {
    if (condition->as_text() == "absent") {
      set.add("NX");
    } else if (condition->as_text() == "present") {
      set.add("XX");
    } else {
      throw error(CACHECORE_INVALID_ARGUMENT, "options.if must be \"absent\" or \"present\"");
    }
  }
  // NIL: the condition did not hold.
  co_return !(co_await call.redis(set)).is_nil();
}

task<value> kv::get(call &call, std::string_view key) {
  const value found = co_await call.redis("GET", call.key(key)).may_be_stale();
  if (found.is_nil()) co_return not_found;
  co_return found;
}

task<int64_t> kv::set_many(call &call, map_view pairs, std::optional<int64_t> ttl_ms) {
  const auto count = static_cast<int64_t>(pairs.size());
  if (pairs.empty()) co_return 0;
  if (!ttl_ms) {
    // One command, so that no reader sees a part of it.
    auto set = call.words("MSET");
    for (size_t i = 0; i < pairs.size(); i++) {
      const entry &pair = pairs.entries()[i];
      set.add(item_key(call, pair.key, "pairs", i), item_value(pair.value, "pairs", i));
    }
    co_await call.redis(set);
    co_return count;
  }
  auto sets = call.pipeline();
  for (size_t i = 0; i < pairs.size(); i++) {
    const entry &pair = pairs.entries()[i];
    sets.add("SET", item_key(call, pair.key, "pairs", i), item_value(pair.value, "pairs", i), "PX", *ttl_ms);
  }
  const value replies = co_await sets;
  for (const value &reply : replies.items()) reply.or_throw();
  co_return count;
}

task<value> kv::get_many(call &call, list_view keys) {
  if (keys.empty()) co_return value(list_view{});
  auto get = call.words("MGET");
  for (size_t i = 0; i < keys.size(); i++) get.add(item_key(call, keys[i], "keys", i));
  co_return co_await call.redis(get).may_be_stale();
}

task<int64_t> kv::increment(call &call, std::string_view key, int64_t by, std::optional<int64_t> ttl_ms) {
  const std::string_view name = call.key(key);
  if (!ttl_ms) co_return (co_await call.redis("INCRBY", name, by)).as_int();
  // The first command makes a missing counter with its expiry, and touches no other; the second keeps whatever expiry
  // there is.
  const value replies = co_await call.transaction().add("SET", name, 0, "PX", *ttl_ms, "NX").add("INCRBY", name, by);
  co_return replies.items()[1].or_throw().as_int();
}

task<bool> kv::compare_and_set(call &call, std::string_view key, value expected, value data,
                               std::optional<int64_t> ttl_ms) {
  const std::string_view name = call.key(key);
  if (expected.is_nil()) {
    auto set = call.words("SET", name, data, "NX");
    if (ttl_ms) set.add("PX", *ttl_ms);
    co_return !(co_await call.redis(set)).is_nil();
  }
  // 0 stands for no expiry.
  const value written = co_await call.script(compare_and_set_script, keys(name), expected, data, ttl_ms.value_or(0));
  co_return written.as_int() == 1;
}

}  // namespace kv_plugin
