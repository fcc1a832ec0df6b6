// direct.cpp: reading and writing without a load, and invalidations.

#include "at_exit.h"
#include "cache.h"

namespace cache_plugin {

namespace {

constexpr size_t longest_pattern = 1024;

}  // namespace

task<value> cache::get(call &call, std::string_view region_name, std::string_view key) {
  const region_ref home = regions_.get(region_name);
  const names at = names_of(call, *home, key);
  const reading seen = co_await read(call, home, at, key);
  if (seen.away) throw error(CACHECORE_UNAVAILABLE, "Redis does not answer (lookup lets the caller load then)");
  if (!seen.fresh()) {
    home->counted.misses++;
    co_return not_found;
  }
  home->counted.hits++;
  co_return decode(call, seen.found->format, seen.found->payload);
}

// Takes the lease of a load under way with it, whose value would be older.
task<void> cache::set(call &call, std::string_view region_name, std::string_view key, value data,
                      std::optional<int64_t> ttl_ms) {
  const region_ref home = regions_.get(region_name);
  const names at = names_of(call, *home, key);
  const std::shared_ptr<const policy> how = home->how();
  const encoded stored = encode(call, *how, data);
  const auto [ttl, lifetime] = lifetimes(*how, stored, ttl_ms);
  const at_exit done([&] {
    const std::lock_guard lock(flights_.mutex());
    flights_.detach(at.entry);
  });
  if (lifetime == 0) {
    co_await call.transaction().add("UNLINK", at.lease).add("UNLINK", at.entry).idempotent();
    co_return;
  }
  const value header = co_await call.redis("GETRANGE", at.marker, 0, marker::header_size - 1);
  std::shared_ptr<const marker> marks = co_await marker_of(call, home, at, header.as_text());
  if (marks == nullptr) marks = co_await mark(call, home, at, "");
  const std::string_view entry =
      write_entry(call, random_bytes(), {stored.format, stored.bytes, ttl, lifetime, marks->now()});
  const value replies = co_await call.transaction().add("SET", at.entry, entry, "PX", lifetime).add("UNLINK", at.lease);
  for (const value &reply : replies.items()) reply.or_throw();
}

// Without its lease no load that began before can store.
task<bool> cache::remove(call &call, std::string_view region_name, std::string_view key) {
  const region_ref home = regions_.get(region_name);
  const names at = names_of(call, *home, key);
  const at_exit done([&] {
    const std::lock_guard lock(flights_.mutex());
    flights_.detach(at.entry);
  });
  const value replies = co_await call.transaction().add("UNLINK", at.lease).add("UNLINK", at.entry).idempotent();
  replies.items()[0].or_throw();
  co_return replies.items()[1].or_throw().as_int() == 1;
}

task<void> cache::invalidate(call &call, std::string_view region_name, std::string_view pattern) {
  if (pattern.size() > longest_pattern) {
    throw error(CACHECORE_INVALID_ARGUMENT, "pattern has " + std::to_string(pattern.size()) +
                                                " bytes; at most 1024 are kept for every read to match");
  }
  const region_ref home = regions_.get(region_name);
  const at_exit done([&] { flights_.detach_matching(*home, pattern); });
  co_await mark(call, home, names_of(call, *home, ""), pattern);
}

}  // namespace cache_plugin
