#include "policy.h"

#include <algorithm>
#include <string>

namespace cache_plugin {

namespace {

constexpr int64_t longest_ms = int64_t{100} * 365 * 86'400'000;
constexpr int64_t usual_negative_ttl_ms = 30'000;

int64_t duration(std::string_view name, const value &given) {
  const int64_t ms = given.as_int();
  if (ms > longest_ms) {
    throw error(CACHECORE_INVALID_ARGUMENT, "policy." + std::string(name) + " must be at most 100 years (" +
                                                std::to_string(longest_ms) + "), got " + std::to_string(ms));
  }
  return ms;
}

policy::codec_kind codec_named(const value &given) {
  const std::string_view name = given.as_text();
  if (name == "json") return policy::codec_kind::json;
  if (name == "bytes") return policy::codec_kind::bytes;
  throw error(CACHECORE_INVALID_ARGUMENT, "policy.codec must be \"json\" or \"bytes\"");
}

constexpr size_t usual_near_bytes = size_t{16} << 20;
constexpr size_t outage_bytes = size_t{1} << 20;
constexpr int64_t usual_max_stale_ms = 2'000;
constexpr int64_t usual_outage_ttl_ms = 1'000;

near_policy near_from(map_view fields, const policy &base) {
  near_policy made = base.has_l1 ? base.near : near_policy{usual_near_bytes, 0, 0, usual_max_stale_ms, false};
  for (const auto &[key, given] : fields) {
    const std::string_view name = key.as_text();
    if (given.is_nil()) continue;
    if (name == "max_bytes") made.max_bytes = static_cast<size_t>(given.as_int());
    if (name == "max_entries") made.max_entries = static_cast<size_t>(given.as_int());
    if (name == "ttl_ms") made.ttl_ms = duration("l1.ttl_ms", given);
    if (name == "max_stale_ms") made.max_stale_ms = duration("l1.max_stale_ms", given);
  }
  if (made.max_stale_ms == 0 && made.ttl_ms == 0) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "policy.l1.ttl_ms must be > 0 where max_stale_ms is 0: nothing else ends a copy then");
  }
  return made;
}

std::vector<std::string> tags_from(const value &given) {
  std::vector<std::string> tags;
  for (const value &each : given.items()) {
    if (!each.is(CACHECORE_BYTES) || each.text().empty() || each.text().size() > tag_list::longest) {
      throw error(CACHECORE_INVALID_ARGUMENT, "policy.tags must be BYTES, each of 1 to 1024 bytes");
    }
    tags.emplace_back(each.text());
  }
  if (tags.size() > tag_list::most) {
    throw error(CACHECORE_INVALID_ARGUMENT, "policy.tags must be at most 32, got " + std::to_string(tags.size()));
  }
  return tags;
}

}  // namespace

policy policy::from(map_view fields, const policy &base) {
  policy made = base;
  bool outage_ttl_given = false;
  for (const auto &[key, given] : fields) {
    const std::string_view name = key.as_text();
    if (given.is_nil()) continue;
    if (name == "ttl_ms") {
      made.ttl_ms = duration(name, given);
    } else if (name == "jitter") {
      made.jitter = given.as_double();
      if (!(made.jitter <= 1)) {
        throw error(CACHECORE_INVALID_ARGUMENT,
                    "policy.jitter must be from 0 to 1, got " + std::to_string(made.jitter));
      }
    } else if (name == "negative_ttl_ms") {
      made.negative_ttl_ms = duration(name, given);
    } else if (name == "stale_ms") {
      made.stale_ms = duration(name, given);
    } else if (name == "load_timeout_ms") {
      made.load_timeout_ms = duration(name, given);
    } else if (name == "eager") {
      made.eager = given.as_double();
      if (!(made.eager <= 1'000)) {
        throw error(CACHECORE_INVALID_ARGUMENT,
                    "policy.eager must be from 0 to 1000, got " + std::to_string(made.eager));
      }
    } else if (name == "distributed") {
      made.distributed = given.as_bool();
    } else if (name == "outage_ttl_ms") {
      made.outage_ttl_ms = duration(name, given);
      outage_ttl_given = true;
    } else if (name == "l1") {
      made.near = near_from(given.pairs(), base);
      made.has_l1 = true;
    } else if (name == "tags") {
      made.tags = tags_from(given);
    } else if (name == "codec") {
      made.codec = codec_named(given);
    } else if (name == "compress_above") {
      made.compress_above = given.as_int();
    } else if (name == "encrypt") {
      made.encrypt = given.as_text();
    } else if (name == "bloom") {
      const value rate = given.pairs()["error_rate"];
      made.bloom = bloom_size::of(given.pairs()["capacity"].as_int(), rate.is_nil() ? 0.01 : rate.as_double());
    }
  }
  if (made.has_l1 && !base.has_l1 && !outage_ttl_given && made.outage_ttl_ms == 0) {
    made.outage_ttl_ms = usual_outage_ttl_ms;
  }
  if (!made.has_l1) {
    made.near = made.outage_ttl_ms > 0 ? near_policy{outage_bytes, 0, 0, usual_max_stale_ms, true} : near_policy{};
  }
  return made;
}

int64_t policy::ttl_of(bool exists) const noexcept {
  if (exists) return ttl_ms;
  return negative_ttl_ms >= 0 ? negative_ttl_ms : std::min(ttl_ms, usual_negative_ttl_ms);
}

}  // namespace cache_plugin
