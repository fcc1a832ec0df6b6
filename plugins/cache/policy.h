// policy.h: how a region is cached.
//
// Thread rule: immutable once made.
#pragma once

#include <cachecore/plugin.hpp>

#include <string>
#include <vector>

#include "bloom.h"
#include "near.h"

namespace cache_plugin {

using namespace cachecore::plugin;

struct policy {
  enum class codec_kind : uint8_t { json, bytes };

  int64_t ttl_ms = 300'000;
  double jitter = 0;             // up to this part of a ttl is taken off, at random
  int64_t negative_ttl_ms = -1;  // of a cached "does not exist"; 0: not cached; -1: 30 s, but not longer than ttl_ms
  int64_t stale_ms = 0;          // behind its ttl a value may be served so long while one loads, or the loader fails
  double eager = 0;              // 0: no early loads; else how many times the time a load takes they are ahead
  int64_t load_timeout_ms = 30'000;
  bool distributed = false;   // one load of a key in all processes
  int64_t outage_ttl_ms = 0;  // what was loaded while Redis is away is kept in the process so long
  near_policy near;           // the field `l1`; where it is not given but outage_ttl_ms is, a small one for that alone
  bool has_l1 = false;
  std::vector<std::string> tags;  // of every value
  codec_kind codec = codec_kind::json;
  int64_t compress_above = -1;  // payloads of more bytes are compressed; -1: none
  std::string encrypt;          // the id of the key that payloads are sealed with; empty: none
  bloom_size bloom;             // of the filter of keys that exist

  // `fields` over `base`. Throws INVALID_ARGUMENT naming the field.
  static policy from(map_view fields, const policy &base);

  // The ttl of a value that names none, before jitter.
  [[nodiscard]] int64_t ttl_of(bool exists) const noexcept;
};

// The fields of `l1`.
inline constexpr auto near_fields = spec::fields(
    spec::count("max_bytes",
                "All memory of the region's copies: keys, values, bookkeeping. At least 65536. Default 16 MiB.")
        .kinds(spec::an_int)
        .at_least(65'536)
        .optional(),
    spec::count("max_entries", "Of copies; 0: as many as max_bytes allows. Default 0.")
        .kinds(spec::an_int)
        .at_least(0)
        .optional(),
    spec::duration(
        "ttl_ms",
        "A copy is served so long at most; 0: while its entry is fresh. Default 0; needed where max_stale_ms "
        "is 0.")
        .kinds(spec::an_int)
        .at_least(0)
        .optional(),
    spec::duration(
        "max_stale_ms",
        "How far a copy may at most be behind Redis, whatever dies: Redis is asked to tell of changes, and a "
        "copy is served while that is known to work. 0: it is not asked, and ttl_ms is the bound. Default "
        "2000.")
        .kinds(spec::an_int)
        .at_least(0)
        .optional());

// The fields of `bloom`.
inline constexpr auto bloom_fields = spec::fields(
    spec::count("capacity", "For how many keys the filter is made.").kinds(spec::an_int).at_least(1),
    spec::any("error_rate", "What part of the keys that do not exist is loaded all the same. Default 0.01.")
        .kinds(spec::a_double)
        .optional());

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
    spec::any("eager",
              "Loads a value before it expires, one caller with a probability that rises towards its end; 1 is a good "
              "choice, more is earlier. Default 0: not.")
        .kinds(spec::a_double | spec::an_int)
        .at_least(0.0)
        .optional(),
    spec::duration("load_timeout_ms",
                   "How long a loader may take before its lease is given to the next who waits. Default 30000.")
        .kinds(spec::an_int)
        .at_least(1)
        .optional(),
    spec::any("distributed", "One load of a key at a time in all processes, not only in each. Default false.")
        .kinds(spec::a_bool)
        .optional(),
    spec::duration("outage_ttl_ms",
                   "What is loaded while Redis is away is kept in this process so long, and no longer than Redis is "
                   "away. Default 1000 with `l1`, else 0.")
        .kinds(spec::an_int)
        .at_least(0)
        .optional(),
    spec::any("l1", "Keeps copies in this process. All fields are optional.")
        .kinds(spec::a_map)
        .optional()
        .with_fields<near_fields>(),
    spec::any("tags", "LIST of BYTES: tags that every value of the region has.").kinds(spec::a_list).optional(),
    spec::text("codec", "\"json\": any value; \"bytes\": bytes only. Default \"json\".")
        .kinds(spec::some_bytes)
        .optional(),
    spec::count("compress_above", "Values of more bytes are stored compressed (zstd). Default: none are.")
        .kinds(spec::an_int)
        .at_least(0)
        .optional(),
    spec::text("encrypt",
               "Values are stored encrypted (AES-256-GCM) with the key of this id, of the plugin's `encryption_keys`. "
               "Default: they are not.")
        .kinds(spec::some_bytes)
        .optional(),
    spec::any(
        "bloom",
        "A filter of the keys that exist: others are answered NIL without a load, once bloom_add has said that it "
        "is complete. Default: none.")
        .kinds(spec::a_map)
        .optional()
        .with_fields<bloom_fields>());

}  // namespace cache_plugin
