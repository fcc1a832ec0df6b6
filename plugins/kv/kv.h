// kv.h: keys and values of Redis' own types, as methods.
//
// The plugin has no state: every method is one request, or a few, and what must be atomic is a single command, a
// transaction or a script of scripts/. README.md tells what each method answers and costs.
//
// Every method borrows its arguments: it hands them to the request of its first co_await and does not read them
// afterwards.
#pragma once

#include <cachecore/plugin.hpp>

namespace kv_plugin {

using namespace cachecore::plugin;

class kv {
 public:
  explicit kv(host &host)
      : host_(host),
        matching_deleted_(
            host.counter("matching_deleted", "Keys that delete_matching deleted, counted while it runs.")) {}

  // strings.cpp
  task<bool> set(call &call, std::string_view key, value data, std::optional<int64_t> ttl_ms, map_view options);
  task<value> get(call &call, std::string_view key);
  task<int64_t> set_many(call &call, map_view pairs, std::optional<int64_t> ttl_ms);
  task<value> get_many(call &call, list_view keys);
  task<int64_t> increment(call &call, std::string_view key, int64_t by, std::optional<int64_t> ttl_ms);
  task<bool> compare_and_set(call &call, std::string_view key, value expected, value data,
                             std::optional<int64_t> ttl_ms);

  // json.cpp
  task<void> set_json(call &call, std::string_view key, value data, std::optional<int64_t> ttl_ms);
  task<value> get_json(call &call, std::string_view key, std::optional<std::string_view> kind);

  // keys.cpp
  task<bool> remove(call &call, std::string_view key);
  task<int64_t> delete_many(call &call, list_view keys);
  task<int64_t> delete_matching(call &call, std::string_view pattern);
  task<bool> exists(call &call, std::string_view key);
  task<bool> expire(call &call, std::string_view key, int64_t ttl_ms);
  task<int64_t> ttl(call &call, std::string_view key);

  // hashes.cpp
  task<bool> hash_set(call &call, std::string_view key, std::string_view field, value data);
  task<value> hash_get(call &call, std::string_view key, std::string_view field);
  task<value> hash_get_all(call &call, std::string_view key);
  task<int64_t> hash_set_many(call &call, std::string_view key, map_view fields, std::optional<int64_t> ttl_ms);
  task<int64_t> hash_increment(call &call, std::string_view key, std::string_view field, int64_t by);
  task<int64_t> hash_delete(call &call, std::string_view key, value fields);

  // lists.cpp
  task<int64_t> list_push(call &call, std::string_view key, value data, std::string_view side);
  task<value> list_pop(call &call, std::string_view key, std::string_view side);
  task<value> list_range(call &call, std::string_view key, int64_t start, int64_t stop);
  task<int64_t> list_remove(call &call, std::string_view key, value data, int64_t count);

  // expired.cpp
  task<void> watch_expired(call &call, std::string_view pattern);

 private:
  host &host_;
  metric matching_deleted_;
};

}  // namespace kv_plugin
