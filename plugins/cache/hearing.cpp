// hearing.cpp: what Redis tells of changes, and copies that are made so that none is missed (near.h).

#include "cache.h"

namespace cache_plugin {

namespace {

constexpr std::string_view entry_prefix = "cache:{";
constexpr std::string_view marker_prefix = "cache:m:{";
constexpr size_t hash_digits = 8;

}  // namespace

telling cache::telling_of(std::string_view name) {
  telling by;
  cachecore_tracking *const listening = tracking_.load(std::memory_order_acquire);
  if (listening != nullptr) by.tracked = near_report_.tracking->at(listening, name.data(), name.size(), &by.epoch);
  return by;
}

// Before a read is sent.
cache::expected cache::expect(const region &home, names at, std::string_view key) {
  expected before;
  before.copies = home.near();
  if (before.copies == nullptr || before.copies->how().for_outages_only) return before;
  before.hash = hash_bytes(key);
  before.asked_ms = host_.now_ms();
  before.ticket = before.copies->expect(before.hash);
  if (!before.copies->tracked()) return before;
  before.marker_ticket = home.heard.expect();
  before.entry = telling_of(at.entry);
  before.marker = telling_of(at.marker);
  return before;
}

// After it was answered.
void cache::keep_copy(region &home, names at, std::string_view key, const expected &before, const reading &seen) {
  if (before.copies == nullptr || before.copies->how().for_outages_only || seen.marks == nullptr) return;
  const int64_t epoch = seen.marks->now().epoch;
  if (before.copies->tracked()) {
    if (before.marker.tracked == nullptr || !(telling_of(at.marker) == before.marker)) return;
    home.heard.learn(before.marker_ticket, epoch, before.marker);
    if (before.entry.tracked == nullptr || !(telling_of(at.entry) == before.entry)) return;
  }
  if (!seen.fresh()) return;
  before.copies->keep(key, before.hash, *seen.found, before.asked_ms, seen.age_ms, epoch, before.entry, before.ticket);
}

// [loop] NIL: all keys.
void cache::changed(void *self, const cachecore_value *keys) {
  auto &cache = *static_cast<class cache *>(self);
  try {
    if (keys->kind == CACHECORE_LIST) {
      for (const value &name : value(*keys).items()) cache.key_changed(name.text());
      return;
    }
    for (const region_ref each : cache.regions_.all()) {
      each->heard.forget();
      if (near_region *const copies = each->near(); copies != nullptr) copies->erase_all();
    }
    cache.flights_.hear_all();
  } catch (const std::exception &) {
    // Without memory to say which: no region's marker is known any more, so no copy is served.
    cache.regions_.forget_markers();
  }
}

// cache:{HASH}:e:REGION:KEY, the same with l, or cache:m:{REGION}; behind the core's prefix.
void cache::key_changed(std::string_view name) {
  std::string_view rest = name;
  rest.remove_prefix(std::min(host_.key_prefix().size(), rest.size()));
  if (rest.starts_with(marker_prefix) && rest.ends_with('}')) {
    rest.remove_prefix(marker_prefix.size());
    const std::optional<std::string> region_name = region::name_of(rest.substr(0, rest.size() - 1));
    region *const home = region_name ? regions_.find(*region_name) : nullptr;
    if (home != nullptr) home->heard.forget();
    return;
  }
  constexpr size_t kind_at = entry_prefix.size() + hash_digits + 2;
  if (!rest.starts_with(entry_prefix) || rest.size() < kind_at + 2) return;
  const char kind = rest[kind_at];
  const std::string_view region_and_key = rest.substr(kind_at + 2);
  const size_t colon = region_and_key.find(':');
  if (colon == std::string_view::npos) return;
  if (kind == 'e') {
    const std::optional<std::string> region_name = region::name_of(region_and_key.substr(0, colon));
    region *const home = region_name ? regions_.find(*region_name) : nullptr;
    near_region *const copies = home != nullptr ? home->near() : nullptr;
    const std::string_view key = region_and_key.substr(colon + 1);
    if (copies != nullptr) copies->erase(key, hash_bytes(key));
  }
  if (!flights_.anybody_elsewhere()) return;
  std::string entry(name);
  entry[name.size() - rest.size() + kind_at] = 'e';
  flights_.hear(entry);
}

}  // namespace cache_plugin
