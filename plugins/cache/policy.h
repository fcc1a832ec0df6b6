// policy.h: how a region is cached.
//
// Thread rule: immutable once made.
#pragma once

#include <cachecore/plugin.hpp>

namespace cache_plugin {

using namespace cachecore::plugin;

struct policy {
  enum class codec_kind : uint8_t { json, bytes };

  int64_t ttl_ms = 300'000;
  double jitter = 0;             // up to this part of a ttl is taken off, at random
  int64_t negative_ttl_ms = -1;  // of a cached "does not exist"; 0: not cached; -1: 30 s, but not longer than ttl_ms
  int64_t stale_ms = 0;          // behind its ttl a value may be served so long while one loads, or the loader fails
  int64_t load_timeout_ms = 30'000;
  codec_kind codec = codec_kind::json;

  // `fields` over `base`. Throws INVALID_ARGUMENT naming the field.
  static policy from(map_view fields, const policy &base);

  // The ttl of a value that names none, before jitter.
  [[nodiscard]] int64_t ttl_of(bool exists) const noexcept;
};

// The fields of a policy, for the declaration table.
inline constexpr auto policy_fields = spec::fields(
    spec::duration("ttl_ms", "How long a value is fresh. Default 300000.").kinds(spec::an_int).at_least(1).optional(),
    spec::any("jitter",
              "0 to 1: up to this part of each ttl is taken off at random, so that not all expire at once. Default 0.")
        .kinds(spec::a_double | spec::an_int)
        .at_least(0.0)
        .optional(),
    spec::duration(
        "negative_ttl_ms",
        "How long a cached \"does not exist\" (a NIL that was stored) is fresh; 0: not cached. Default 30000, or "
        "ttl_ms if that is less.")
        .kinds(spec::an_int)
        .at_least(0)
        .optional(),
    spec::duration(
        "stale_ms",
        "How long after its ttl a value may be served while one caller loads, or when the loader fails. Default 0.")
        .kinds(spec::an_int)
        .at_least(0)
        .optional(),
    spec::duration("load_timeout_ms",
                   "How long a loader may take before its lease is given to the next who waits. Default 30000.")
        .kinds(spec::an_int)
        .at_least(1)
        .optional(),
    spec::text("codec", "\"json\": any value; \"bytes\": bytes only. Default \"json\".")
        .kinds(spec::some_bytes)
        .optional());

}  // namespace cache_plugin
