// direct.cpp: reading and writing without a load.

#include "at_exit.h"
#include "cache.h"

namespace cache_plugin {

task<value> cache::get(call &call, std::string_view region_name, std::string_view key) {
  const region_ref home = regions_.get(region_name);
  near_copy copy;
  if (find_near(call, *home, key, copy)) {
    home->counted.near_hits++;
    co_return decode(call, copy.format, copy.bytes);
  }
  const names at = names_of(call, *home, key);
  const reading seen = co_await read(call, home, at, key);
  if (seen.away && !seen.fresh()) {
    throw error(CACHECORE_UNAVAILABLE, "Redis does not answer (lookup lets the caller load then)");
  }
  if (!seen.fresh()) {
    home->counted.misses++;
    co_return not_found;
  }
  home->counted.hits++;
  co_return decode(call, seen.found->format, seen.found->payload);
}

// The key was changed by this process, or may have been: it never answers with what was there before.
void cache::forget(region &home, std::string_view entry, std::string_view key) {
  {
    const std::lock_guard lock(flights_.mutex());
    flights_.detach(entry);
  }
  if (near_region *const copies = home.near(); copies != nullptr) copies->erase(key, hash_bytes(key));
}

// Takes the lease of a load under way with it, whose value would be older.
task<void> cache::set(call &call, std::string_view region_name, std::string_view key, value data,
                      std::optional<int64_t> ttl_ms, list_view given_tags) {
  const region_ref home = regions_.get(region_name);
  const names at = names_of(call, *home, key);
  const std::shared_ptr<const policy> how = home->how();
  const encoded stored = encode(call, *how, data);
  const tag_list tags = tags_of(call, *how, given_tags);
  const auto [ttl, lifetime] = lifetimes(*how, stored, ttl_ms);
  const at_exit done([&] { forget(*home, at.entry, key); });
  if (lifetime == 0) {
    const value replies = co_await call.transaction().add("UNLINK", at.lease).add("UNLINK", at.entry).idempotent();
    for (const value &reply : replies.items()) reply.or_throw();
    co_return;
  }
  const value header = co_await call.redis("GETRANGE", at.marker, 0, marker::header_size - 1);
  std::shared_ptr<const marker> marks = co_await marker_of(call, home, at, header.as_text());
  if (marks == nullptr) marks = co_await mark(call, home, at, "", "");
  if (stored.format != no_value) {
    std::vector<std::string_view> added(1, key);
    co_await filter_add(call, home, how, std::move(added), false);
  }
  uint8_t coding = 0;
  const std::string_view payload = wrap(call, *how, at.entry, stored, coding);
  const std::string_view entry =
      write_entry(call, random_bytes(), {stored.format, payload, ttl, lifetime, marks->now(), 0, coding, tags});
  const value replies = co_await call.transaction().add("SET", at.entry, entry, "PX", lifetime).add("UNLINK", at.lease);
  for (const value &reply : replies.items()) reply.or_throw();
}

// Without its lease no load that began before can store.
task<bool> cache::remove(call &call, std::string_view region_name, std::string_view key) {
  const region_ref home = regions_.get(region_name);
  const names at = names_of(call, *home, key);
  const at_exit done([&] { forget(*home, at.entry, key); });
  const value replies = co_await call.transaction().add("UNLINK", at.lease).add("UNLINK", at.entry).idempotent();
  replies.items()[0].or_throw();
  co_return replies.items()[1].or_throw().as_int() == 1;
}

}  // namespace cache_plugin
