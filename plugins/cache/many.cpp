// many.cpp: several keys of a region at once: their reads, and the stores of what was loaded, go out together.
//
// A call never waits while it holds a lease: two that were told to load each other's keys would wait for each other. So
// what somebody else loads is answered "loading" to one who has to load something himself: he loads and stores that,
// and asks again. One who has nothing to load waits.

#include "cache.h"

namespace cache_plugin {

namespace {

constexpr size_t longest_key = 65'536;

// One failed among many.
value error_value(call &call, const error &failed) {
  value out = call.copy(failed.message());
  out.kind = CACHECORE_ERROR;
  out.reserved = failed.status();
  return out;
}

bool is_state(const value &answer, std::string_view state) {
  return answer.is(CACHECORE_MAP) && answer.pairs()["state"].text() == state;
}

}  // namespace

task<value> cache::lookup_one(call &call, region_ref home, std::string_view key, asking why) {
  std::optional<error> failed;
  try {
    near_copy copy;
    if (find_near(call, *home, key, copy)) {
      home->counted.near_hits++;
      co_return near_answer(call, copy);
    }
    co_return co_await lookup_there(call, home, key, why);
  } catch (const error &thrown) {
    failed = thrown;
  }
  co_return error_value(call, *failed);
}

task<value> cache::lookup_many(call &call, std::string_view region_name, list_view keys, int64_t /*wait_ms*/) {
  const region_ref home = regions_.get(region_name);
  for (const value &key : keys) {
    if (!key.is(CACHECORE_BYTES) || key.text().empty() || key.text().size() > longest_key) {
      throw error(CACHECORE_INVALID_ARGUMENT, "keys must be BYTES, each of 1 to 65536 bytes");
    }
  }
  const std::span<value> answers = call.array(keys.size());
  std::vector<size_t> open(keys.size());
  for (size_t i = 0; i < keys.size(); i++) open[i] = i;
  bool holds_leases = false;
  while (!open.empty()) {
    std::vector<task<value>> asked;
    asked.reserve(open.size());
    for (const size_t i : open) asked.push_back(lookup_one(call, home, keys[i].text(), asking::read_at_once));
    const std::vector<value> came = co_await all(std::move(asked));
    std::vector<size_t> still_open;
    for (size_t i = 0; i < open.size(); i++) {
      answers[open[i]] = came[i];
      if (is_state(came[i], "load")) holds_leases = true;
      if (is_state(came[i], "loading")) still_open.push_back(open[i]);
    }
    open = std::move(still_open);
    if (holds_leases || open.empty()) break;
    const size_t first = open.front();
    open.erase(open.begin());
    answers[first] = co_await lookup_one(call, home, keys[first].text(), asking::read);
    holds_leases = is_state(answers[first], "load");
    if (holds_leases) break;
  }
  co_return value(std::span<const value>(answers));
}

task<void> cache::undo_lookup_many(call &call, value granted) {
  for (const value &each : granted.items()) {
    if (is_state(each, "load")) co_await undo_lookup(call, each);
  }
}

task<value> cache::store_one(call &call, map_view load) {
  std::optional<error> failed;
  try {
    const value ttl_ms = load["ttl_ms"];
    const value tags = load["tags"];
    if (!load["lease"].is(CACHECORE_BYTES)) throw error(CACHECORE_INVALID_ARGUMENT, "lease must be BYTES");
    if (!ttl_ms.is_nil() && (!ttl_ms.is(CACHECORE_INT) || ttl_ms.as_int() < 1)) {
      throw error(CACHECORE_INVALID_ARGUMENT, "ttl_ms must be an INT > 0");
    }
    std::optional<int64_t> given_ttl;
    if (!ttl_ms.is_nil()) given_ttl = ttl_ms.as_int();
    list_view given_tags;
    if (!tags.is_nil()) given_tags = tags.items();
    co_return co_await store(call, load["lease"].text(), load["value"], given_ttl, given_tags);
  } catch (const error &thrown) {
    failed = thrown;
  }
  co_return error_value(call, *failed);
}

task<value> cache::store_many(call &call, list_view loads) {
  for (const value &load : loads) {
    if (!load.is(CACHECORE_MAP))
      throw error(CACHECORE_INVALID_ARGUMENT, "loads must be MAPs {lease, value, ttl_ms?, tags?}");
    for (const auto &[key, given] : load.pairs()) {
      const std::string_view name = key.is(CACHECORE_BYTES) ? key.text() : std::string_view();
      if (name == "lease" || name == "value" || name == "ttl_ms" || name == "tags") continue;
      throw error(CACHECORE_INVALID_ARGUMENT,
                  "loads: \"" + std::string(name) + "\" is none of lease, value, ttl_ms and tags");
    }
  }
  std::vector<task<value>> stored;
  stored.reserve(loads.size());
  for (const value &load : loads) stored.push_back(store_one(call, load.pairs()));
  const std::vector<value> came = co_await all(std::move(stored));
  co_return call.list(came);
}

}  // namespace cache_plugin
