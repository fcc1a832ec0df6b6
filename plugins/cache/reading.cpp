// reading.cpp: what Redis says about a key, in one round trip.

#include <cstdio>

#include "cache.h"
#include "mark.lua.h"

namespace cache_plugin {

namespace {

constexpr cachecore_script mark_script{sizeof(cachecore_script), mark_lua, sizeof(mark_lua) - 1};

// Beyond these a region's patterns are given up and the whole region is cleared: every lookup that finds an older entry
// has to match them.
constexpr int64_t most_patterns = 64;
constexpr int64_t largest_marker = 16'384;

// FNV-1a. Of a key it only chooses the slot of a cluster.
uint32_t hash_of(std::string_view region, std::string_view key) noexcept {
  uint32_t hash = 2166136261u;
  for (const std::string_view part : {region, std::string_view(":", 1), key}) {
    for (const char byte : part) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619u;
  }
  return hash;
}

cachecore_value list_of(std::span<const value> words) noexcept { return value(words); }

}  // namespace

names cache::names_of(call &call, const region &home, std::string_view key) const {
  char tag[24];
  std::snprintf(tag, sizeof(tag), "cache:{%08x}:", hash_of(home.key_part(), key));
  const std::string_view prefix(tag);
  return {call.key(prefix, "e:", home.key_part(), ":", key), call.key(prefix, "l:", home.key_part(), ":", key),
          call.key("cache:m:{", home.key_part(), "}")};
}

task<reading> cache::read(call &call, region_ref home, names at, std::string_view key) {
  reading seen;
  if (!outage_.may_ask(host_.now_ms())) {
    home->counted.away++;
    seen.away = true;
    co_return seen;
  }
  std::optional<error> failed;
  try {
    const value replies = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
      const value entry_and_lease[] = {"MGET", at.entry, at.lease};
      const value time_left[] = {"PTTL", at.entry};
      const value marker_header[] = {"GETRANGE", at.marker, 0, marker::header_size - 1};
      const cachecore_value commands[] = {list_of(entry_and_lease), list_of(time_left), list_of(marker_header)};
      call.services().redis->pipeline(call.raw(), commands, std::size(commands), CACHECORE_REDIS_READ, then, state);
    });
    const list_view entry_and_lease = replies.items()[0].or_throw().items();
    const std::string_view header = replies.items()[2].or_throw().as_text();
    seen.marks = co_await marker_of(call, home, at, header);
    if (!entry_and_lease[1].is_nil()) seen.lease = entry_and_lease[1].as_text();
    judge(seen, entry_and_lease[0], replies.items()[1].or_throw(), key);
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    went_without(call, *home, *failed);
    seen = {};
    seen.away = true;
  } else {
    answered();
  }
  co_return seen;
}

// PTTL comes from behind the entry in the same pipeline. It is -2 when the entry expired in between, 0 in its last
// millisecond, whose end nobody can see, and -1 when somebody took its expiry away, whereupon nobody knows its age.
void cache::judge(reading &seen, const value &stored, const value &left_ms, std::string_view key) {
  if (stored.is_nil()) return;
  seen.id = entry_id(stored.as_text());
  const std::optional<entry_view> entry = parse_entry(stored.as_text());
  if (!entry || left_ms.as_int() <= 0 || seen.marks == nullptr || !seen.marks->admits(entry->seen, key)) return;
  seen.found = entry;
  seen.age_ms = std::max<int64_t>(entry->lifetime_ms - left_ms.as_int(), 0);
}

// The marker whose first bytes were read: the one known, or read in full now.
task<std::shared_ptr<const marker>> cache::marker_of(call &call, region_ref home, names at, std::string_view header) {
  if (header.empty()) co_return nullptr;
  std::shared_ptr<const marker> known = home->marks();
  if (known != nullptr && known->is(header)) co_return known;
  const value stored = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
    const value words[] = {"GET", at.marker};
    call.services().redis->command(call.raw(), words, std::size(words), CACHECORE_REDIS_READ, then, state);
  });
  if (stored.is_nil()) co_return nullptr;
  std::shared_ptr<const marker> marks = marker::parse(stored.as_text());
  if (marks == nullptr) throw error(CACHECORE_CORRUPT, "the marker of the region \"" + home->name() + "\" is none");
  home->remember(marks);
  co_return marks;
}

// Records a pattern, or with none makes sure that there is a marker.
task<std::shared_ptr<const marker>> cache::mark(call &call, region_ref home, names at, std::string_view pattern) {
  const std::string incarnation = random_bytes();
  const value stored = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
    const value keys[] = {at.marker};
    const value arguments[] = {std::string_view(incarnation), pattern, most_patterns, largest_marker};
    call.services().redis->script(call.raw(), &mark_script, keys, std::size(keys), arguments, std::size(arguments),
                                  CACHECORE_REDIS_IDEMPOTENT, then, state);
  });
  std::shared_ptr<const marker> marks = marker::parse(stored.as_text());
  if (marks == nullptr) throw error(CACHECORE_CORRUPT, "the marker of the region \"" + home->name() + "\" is none");
  home->remember(marks);
  co_return marks;
}

// Whether a failure means that Redis is away, or of no use: then a lookup goes on without it. What the caller did (it
// cancelled, the core is being closed) and faults of our own go on as they are.
void cache::went_without(call &call, region &home, const error &failed) {
  const cachecore_status gone = call.given_up();
  if (gone != CACHECORE_OK && gone != CACHECORE_TIMEOUT) throw failed;
  switch (failed.status()) {
    case CACHECORE_UNAVAILABLE:
    case CACHECORE_UNCERTAIN:
    case CACHECORE_TIMEOUT:
      if (outage_.begins(host_.now_ms())) {
        host_.log(severity::warning,
                  "Redis does not answer, lookups go on without it: " + std::string(failed.message()));
      }
      break;
    case CACHECORE_REJECTED:
    case CACHECORE_DENIED:
    case CACHECORE_BUSY:
    case CACHECORE_CORRUPT:
      break;
    default:
      throw failed;
  }
  home.counted.away++;
}

void cache::answered() {
  if (outage_.ends()) host_.log(severity::info, "Redis answers again");
}

}  // namespace cache_plugin
