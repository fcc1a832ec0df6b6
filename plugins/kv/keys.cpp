// keys.cpp: keys of any type: deleting, expiry.

#include <cachecore/plugin/glob.hpp>

#include "checked.h"
#include "kv.h"

namespace kv_plugin {

namespace {

// Keys looked at by one SCAN: long enough to be few round trips, short enough not to be felt by others.
constexpr int64_t scan_batch = 1000;

// One command a key, since they are of many slots.
task<int64_t> unlink_all(call &call, pipeline &batch, list_view keys) {
  if (keys.empty()) co_return 0;
  batch.clear();
  for (const value &key : keys) batch.add("UNLINK", key);
  const reply replies = co_await batch.isolated();
  int64_t deleted = 0;
  for (const value &one : replies.items()) deleted += one.or_throw().as_int();
  call.forget(replies);
  co_return deleted;
}

}  // namespace

task<bool> kv::remove(call &call, std::string_view key) {
  co_return (co_await call.redis("UNLINK", call.key(key))).as_int() == 1;
}

task<int64_t> kv::delete_many(call &call, list_view keys) {
  if (keys.empty()) co_return 0;
  auto unlink = call.words("UNLINK");
  for (size_t i = 0; i < keys.size(); i++) unlink.add(item_key(call, keys[i], "keys", i));
  co_return (co_await call.redis(unlink)).as_int();
}

// The first page of every node comes at once and tells how many nodes there are; then one node after the other. Each
// await ends it when the caller has gone, so no more than a batch is deleted after that.
task<int64_t> kv::delete_matching(call &call, std::string_view pattern) {
  const std::string_view match = call.copy(escape_glob(host_.key_prefix()) + std::string(pattern)).text();
  const value first_pages = co_await call.each_node("SCAN", "0", "MATCH", match, "COUNT", scan_batch).isolated();
  auto batch = call.pipeline();
  int64_t deleted = 0;
  for (size_t node = 0; node < first_pages.items().size(); node++) {
    value page = first_pages.items()[node].or_throw();
    std::optional<reply> fetched;
    for (;;) {
      const int64_t of_page = co_await unlink_all(call, batch, page.items()[1].items());
      matching_deleted_.add(of_page);
      deleted += of_page;
      const std::string cursor(page.items()[0].as_text());
      if (fetched) call.forget(*fetched);
      if (cursor == "0") break;
      fetched = co_await call.on_node(node, "SCAN", cursor, "MATCH", match, "COUNT", scan_batch).isolated();
      page = *fetched;
    }
  }
  co_return deleted;
}

task<bool> kv::exists(call &call, std::string_view key) {
  co_return (co_await call.redis("EXISTS", call.key(key)).may_be_stale()).as_int() == 1;
}

task<bool> kv::expire(call &call, std::string_view key, int64_t ttl_ms) {
  const std::string_view name = call.key(key);
  bool found = false;
  if (ttl_ms > 0) {
    found = (co_await call.redis("PEXPIRE", name, ttl_ms)).as_int() == 1;
  } else if (ttl_ms == -1) {
    // PERSIST answers 0 for a key without expiry as for none, so EXISTS decides; together, as another may come between.
    const value replies = co_await call.transaction().add("PERSIST", name).add("EXISTS", name);
    found = replies.items()[1].or_throw().as_int() == 1;
  } else {
    throw error(CACHECORE_INVALID_ARGUMENT, "ttl_ms must be at least 1, or -1 for no expiry (delete removes the key)");
  }
  if (!found) co_return not_found;
  co_return true;
}

task<int64_t> kv::ttl(call &call, std::string_view key) {
  const int64_t left = (co_await call.redis("PTTL", call.key(key)).may_be_stale()).as_int();
  if (left == -2) co_return not_found;
  co_return left;
}

}  // namespace kv_plugin
