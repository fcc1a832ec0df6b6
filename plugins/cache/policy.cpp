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

// The documentation of the fields (policy.h, README.md, <cachecore/cache.h>) says these.
constexpr policy usual;
static_assert(usual.ttl_ms == 300'000 && usual.jitter == 0.0 && usual.negative_ttl_ms == -1 &&
              usual_negative_ttl_ms == 30'000 && usual.stale_ms == 0 && usual.load_timeout_ms == 30'000 &&
              usual.codec == policy::codec_kind::json);

}  // namespace

policy policy::from(map_view fields, const policy &base) {
  policy made = base;
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
    } else if (name == "codec") {
      made.codec = codec_named(given);
    }
  }
  return made;
}

int64_t policy::ttl_of(bool exists) const noexcept {
  if (exists) return ttl_ms;
  return negative_ttl_ms >= 0 ? negative_ttl_ms : std::min(ttl_ms, usual_negative_ttl_ms);
}

}  // namespace cache_plugin
