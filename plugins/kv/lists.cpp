// lists.cpp: lists with two ends.

#include "checked.h"
#include "kv.h"

namespace kv_plugin {

namespace {

// The command of that end of a list.
const char *at(std::string_view side, const char *left, const char *right) {
  if (side == "left") return left;
  if (side == "right") return right;
  throw error(CACHECORE_INVALID_ARGUMENT, "side must be \"left\" or \"right\"");
}

}  // namespace

task<int64_t> kv::list_push(call &call, std::string_view key, value data, std::string_view side) {
  auto words = call.words(at(side, "LPUSH", "RPUSH"), call.key(key));
  if (data.is(CACHECORE_LIST)) {
    if (data.items().empty())
      throw error(CACHECORE_INVALID_ARGUMENT, "value must have at least one item: Redis keeps no empty list");
    for (size_t i = 0; i < data.items().size(); i++) words.add(item_value(data.items()[i], "value", i));
  } else {
    words.add(data);
  }
  co_return (co_await call.redis(words)).as_int();
}

task<value> kv::list_pop(call &call, std::string_view key, std::string_view side) {
  const value popped = co_await call.redis(at(side, "LPOP", "RPOP"), call.key(key));
  if (popped.is_nil()) co_return not_found;
  co_return popped;
}

task<value> kv::list_range(call &call, std::string_view key, int64_t start, int64_t stop) {
  co_return co_await call.redis("LRANGE", call.key(key), start, stop).may_be_stale();
}

task<int64_t> kv::list_remove(call &call, std::string_view key, value data, int64_t count) {
  co_return (co_await call.redis("LREM", call.key(key), count, data)).as_int();
}

}  // namespace kv_plugin
