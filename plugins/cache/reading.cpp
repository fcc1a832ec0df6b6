// reading.cpp: what Redis says about a key, in one round trip.

#include <cstdio>

#include "cache.h"
#include "mark.lua.h"

namespace cache_plugin {

namespace {

constexpr cachecore_script mark_script{sizeof(cachecore_script), mark_lua, sizeof(mark_lua) - 1};

// What a marker keeps (mark.lua): every lookup that finds an older entry has to match its records.
constexpr int64_t most_patterns = 64;
constexpr int64_t most_tags_listed = 64;
constexpr int64_t largest_records = 16'384;
constexpr int64_t most_tags = 65'536;

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
          call.key("cache:m:{", home.key_part(), "}"), call.key("cache:t:{", home.key_part(), "}")};
}

task<reading> cache::read(call &call, region_ref home, names at, std::string_view key) {
  reading seen;
  if (!outage_.may_ask(host_.now_ms())) {
    home->counted.away++;
    read_in_outage(call, *home, key, seen);
    co_return seen;
  }
  const expected before = expect(*home, at, key);
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
    if (!entry_and_lease[1].is_nil()) seen.lease = lease_note::parse(entry_and_lease[1].as_text());
    co_await judge(call, home, at, key, seen, entry_and_lease[0], replies.items()[1].or_throw());
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    went_without(call, *home, *failed);
    seen = {};
    read_in_outage(call, *home, key, seen);
  } else {
    answered();
    keep_copy(*home, at, key, before, seen);
  }
  co_return seen;
}

// PTTL comes from behind the entry in the same pipeline. It is -2 when the entry expired in between, 0 in its last
// millisecond, whose end nobody can see, and -1 when somebody took its expiry away, whereupon nobody knows its age.
task<void> cache::judge(call &call, region_ref home, names at, std::string_view key, reading &seen, value stored,
                        value left_ms) {
  if (stored.is_nil()) co_return;
  seen.id = entry_id(stored.as_text());
  std::optional<entry_view> entry = parse_entry(stored.as_text());
  if (!entry || left_ms.as_int() <= 0 || seen.marks == nullptr) co_return;
  verdict says = seen.marks->judge(entry->seen, key, entry->tags);
  if (says == verdict::ask) {
    const bool valid = co_await tags_valid(call, home, at, *seen.marks, *entry);
    says = valid ? verdict::valid : verdict::invalid;
  }
  if (says != verdict::valid || !unwrap(call, *home, at.entry, *entry)) co_return;
  seen.found = entry;
  seen.age_ms = std::max<int64_t>(entry->lifetime_ms - left_ms.as_int(), 0);
}

// Of an entry that is older than the marker's list of tags: whether the hash of tags, as it is now, says that none of
// its tags was invalidated since. What was learnt before goes for as long as the list has all that came since.
task<bool> cache::tags_valid(call &call, region_ref home, names at, const marker &marks, entry_view entry) {
  bool known = true;
  for (const std::string_view tag : entry.tags) {
    const std::optional<region::tag_epoch> said = home->tag(tag);
    if (!said || said->as_of < marks.tags_listed()) {
      known = false;
    } else if (said->epoch > entry.seen.epoch) {
      co_return false;
    }
  }
  if (known) co_return true;
  const int64_t as_of = marks.now().epoch;
  char base[8];
  write_integer(base, marks.tags_cleared());
  auto words = call.words("HMGET", at.tags, "");
  for (const std::string_view tag : entry.tags) words.add(tag);
  const value fields = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
    call.services().redis->command(call.raw(), words.all().data(), words.size(), CACHECORE_REDIS_READ, then, state);
  });
  const list_view said = fields.items();
  if (marks.tags_cleared() == 0) co_return true;
  // Lost, or begun anew since: no entry with tags is valid.
  if (said[0].is_nil() || said[0].as_text() != std::string_view(base, sizeof(base))) co_return false;
  bool valid = true;
  size_t next = 1;
  for (const std::string_view tag : entry.tags) {
    const value &field = said[next++];
    const int64_t epoch = field.is_nil() || field.as_text().size() != 8 ? 0 : read_integer(field.as_text(), 0);
    home->remember_tag(tag, {epoch, as_of});
    valid = valid && epoch <= entry.seen.epoch;
  }
  co_return valid;
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

// Records a pattern ("p") or tag ("t"), or with kind "" makes sure that there is a marker.
task<std::shared_ptr<const marker>> cache::mark(call &call, region_ref home, names at, const char *kind,
                                                std::string_view what) {
  const std::string incarnation = random_bytes();
  const value stored = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
    const value keys[] = {at.marker, at.tags};
    const value arguments[] = {
        std::string_view(incarnation), kind, what, most_patterns, most_tags_listed, largest_records, most_tags};
    call.services().redis->script(call.raw(), &mark_script, keys, std::size(keys), arguments, std::size(arguments),
                                  CACHECORE_REDIS_IDEMPOTENT, then, state);
  });
  std::shared_ptr<const marker> marks = marker::parse(stored.as_text());
  if (marks == nullptr) throw error(CACHECORE_CORRUPT, "the marker of the region \"" + home->name() + "\" is none");
  home->remember(marks);
  co_return marks;
}

// What this process knows: what it loaded without Redis since that went away, or else a copy that nothing known has
// invalidated, as a stale value.
void cache::read_in_outage(call &call, const region &home, std::string_view key, reading &seen) {
  seen.away = true;
  near_region *const copies = home.near();
  if (copies == nullptr) return;
  near_copy copy;
  const auto found = copies->find_in_outage(call, key, hash_bytes(key), copy);
  if (found == near_region::answer::none) return;
  const bool own = found == near_region::answer::hit;
  if (!own) {
    const std::shared_ptr<const marker> marks = home.marks();
    if (copies->tracked() &&
        (marks == nullptr || marks->judge({marks->now().incarnation, copy.stamp}, key, copy.tags) != verdict::valid)) {
      return;
    }
  }
  constexpr int64_t while_it_lasts = std::numeric_limits<int64_t>::max();
  seen.found =
      entry_view{copy.format, copy.bytes, own ? while_it_lasts : 0, while_it_lasts, {}, copy.load_ms, 0, copy.tags};
  seen.age_ms = copy.age_ms();
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
