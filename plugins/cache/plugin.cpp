// plugin.cpp: what callers see of cache.

#include "cache.h"

namespace cache_plugin {

cache::cache(host &host, const value &config)
    : host_(host),
      keys_(config.pairs()["encryption_keys"]),
      regions_(policy::from(config.pairs()["defaults"].is_nil() ? map_view() : config.pairs()["defaults"].pairs(), {}),
               near_report_),
      patience_(config.pairs()["redis_timeout_ms"].as_int(), [this] { start_request_watch(); }) {
  near_report_.timer = host.services().timer;
  near_report_.worst_age = host.gauge("cache.worst_age_ms", "The furthest that a copy was behind when it was served.");
  const cachecore_tracking_service *const tracking = host.services().tracking;
  if (tracking != nullptr && tracking->struct_size > offsetof(cachecore_tracking_service, proven_ms)) {
    near_report_.tracking = tracking;
  }
  check_policy(regions_.standard());
}

cache::~cache() {
  if (tracking_.load() != nullptr) near_report_.tracking->end(tracking_.load());
}

// What only this instance can tell of a policy. Begins to listen for changes when a policy needs that: no connection is
// opened before a key is looked up.
void cache::check_policy(const policy &how) {
  keys_.require(how.encrypt);
  if (how.compress_above >= 0 && host_.services().compress == nullptr) {
    throw error(CACHECORE_INVALID_ARGUMENT, "policy.compress_above needs a core that was built with zstd");
  }
  const bool tracked = how.has_l1 && how.near.max_stale_ms > 0;
  if (!tracked && !how.distributed) return;
  if (near_report_.tracking == nullptr) {
    if (!tracked) return;
    throw error(CACHECORE_INVALID_ARGUMENT,
                "policy.l1.max_stale_ms must be 0, with an l1.ttl_ms: this host cannot tell of changes");
  }
  const std::lock_guard lock(tracking_mutex_);
  if (tracking_.load(std::memory_order_relaxed) != nullptr) return;
  const std::string prefix = std::string(host_.key_prefix()) + "cache:";
  const value prefixes[] = {std::string_view(prefix)};
  const value list{std::span<const value>(prefixes)};
  cachecore_tracking *begun = nullptr;
  cachecore_error failed;
  if (near_report_.tracking->begin(host_.raw(), &list, &cache::changed, this, &begun, &failed) != CACHECORE_OK) {
    throw error(failed);
  }
  tracking_.store(begun, std::memory_order_release);
}

task<void> cache::define(call & /*call*/, std::string_view region_name, map_view fields) {
  const auto how = std::make_shared<const policy>(policy::from(fields, regions_.standard()));
  check_policy(*how);
  regions_.get(region_name)->define(how);
  co_return;
}

task<value> cache::stats(call &call, std::optional<std::string_view> region_name) {
  constexpr size_t figure_count = 14;
  const auto show = [&](const region &each) -> std::array<entry, figure_count> {
    const figures &counted = each.counted;
    const near_region *const copies = each.near();
    const near_cache::figures held = copies != nullptr ? copies->figures() : near_cache::figures{};
    return {{{"hits", counted.hits.load() + counted.near_hits.load()},
             {"near_hits", counted.near_hits.load()},
             {"misses", counted.misses.load()},
             {"stale", counted.stale.load()},
             {"loads", counted.loads.load()},
             {"refreshes", counted.refreshes.load()},
             {"failures", counted.failures.load()},
             {"waiting", counted.waiting.load()},
             {"away", counted.away.load()},
             {"refused", counted.refused.load()},
             {"unreadable", counted.unreadable.load()},
             {"l1_entries", static_cast<int64_t>(held.entries)},
             {"l1_bytes", static_cast<int64_t>(held.bytes)},
             {"l1_evictions", static_cast<int64_t>(held.evictions)}}};
  };
  if (region_name) {
    const auto of_region = show(*regions_.get(*region_name));
    co_return call.map(of_region);
  }
  const std::vector<region_ref> all = regions_.all();
  std::array<entry, figure_count + 2> totals;
  const region nowhere("", std::make_shared<const policy>(), near_report_);
  std::copy_n(show(nowhere).begin(), figure_count, totals.begin());
  std::vector<entry> by_name;
  by_name.reserve(all.size());
  for (const region_ref &each : all) {
    const auto of_region = show(*each);
    for (size_t i = 0; i < figure_count; i++) totals[i].value.as.integer += of_region[i].value.as.integer;
    by_name.push_back({call.copy(each->name()), call.map(of_region)});
  }
  totals[figure_count] = {"worst_age_ms", near_report_.worst_age_ms.load()};
  totals[figure_count + 1] = {"regions", call.map(by_name)};
  co_return call.map(totals);
}

namespace {

using namespace spec;

constexpr about cache_about{
    .name = "cache",
    .version = "0.1.0",
    .license = "MIT",
    .summary = "Read-through caching: one load of a key at a time, expiry, stale values, invalidation.",
    .needs = {"redis/1", "timer/1", "call/1", "json/1", "crypto/1"}};

constexpr auto the_region = key("region", "A name for keys that are cached alike; it need not have been defined.");
constexpr auto the_key = key("key", "The key within the region.");
constexpr auto the_lease =
    bytes("lease",
          "The lease that lookup gave with the state \"load\". It ends by store or fail, or after the region's "
          "load_timeout_ms.");
constexpr auto the_ttl = duration("ttl_ms", "Fresh so long, instead of what the region's policy says.").at_least(1);

constexpr auto the_tags =
    any("tags", "LIST of BYTES: what the value depends on, for invalidate_tag. At most 32, of at most 1024 bytes each.")
        .optional();
constexpr auto the_wait =
    duration("wait_ms", "How long it may wait for another caller's load, added to the default timeout of a call.")
        .at_least(0)
        .by_default(30'000)
        .wait();

constexpr auto cache_methods = declare(
    method<&cache::define>(
        "define",
        "Says how a region is cached, in this process. What is not said is as the plugin's configuration says in "
        "`defaults`, else as written below.",
        "NIL", idempotent, the_region, any("policy", "All fields are optional.").with_fields<policy_fields>()),
    method<&cache::lookup>(
        "lookup",
        "Reads a value, or says who loads it: of all callers in this process that find none, one is told to load, and "
        "has to call store or fail; the others wait for what it stores. With the state \"load\" the value, where there "
        "is one, is stale.",
        "MAP {state: \"hit\", \"stale\" or \"load\", value, age_ms, lease: BYTES with \"load\", else NIL}; "
        "LOADER_FAILED when the load it waited for failed",
        none, the_region, the_key, the_wait)
        .undone_by<&cache::undo_lookup>(),
    method<&cache::refresh>("refresh",
                            "Loads a value anew though it may be fresh: as lookup, but this caller is told to load, "
                            "with the present value, "
                            "which the others go on being given; or it waits for the load that is under way.",
                            "as lookup", none, the_region, the_key, the_wait)
        .undone_by<&cache::undo_lookup>(),
    method<&cache::lookup_many>("lookup_many",
                                "Looks several keys up together. One who is told to load some of them does not wait "
                                "for others' loads: such a key "
                                "has the state \"loading\", and is looked up again after the own loads were stored.",
                                "LIST of what lookup answers, or of an ERROR, in the order of the keys", none,
                                the_region, any("keys", "LIST of BYTES."), the_wait)
        .undone_by<&cache::undo_lookup_many>(),
    method<&cache::store_many>("store_many", "Ends several leases with what was loaded, together.",
                               "LIST of what store answers, or of an ERROR, in their order", none,
                               any("loads", "LIST of MAP {lease, value, ttl_ms?, tags?}, as of store.")),
    method<&cache::store>(
        "store",
        "Ends a lease with the value that was loaded; NIL: there is none, and that is cached. All who wait get it.",
        "BOOL: whether it is cached (false: invalidated meanwhile, or Redis is away); or CONFLICT: the lease had "
        "expired",
        none, the_lease, json("value", "What was loaded.").optional(), the_ttl, the_tags),
    method<&cache::fail>("fail", "Ends a lease: the loader failed. All who wait get LOADER_FAILED.",
                         "NIL; or CONFLICT: the lease had expired", none, the_lease,
                         bytes("message", "Why; those who wait are told.").by_default("")),
    method<&cache::get>("get", "Reads a value that is cached and fresh; never loads.", "the value, or NOT_FOUND",
                        read_only | idempotent, the_region, the_key),
    method<&cache::set>("set", "Caches a value; a load under way is not stored over it.", "NIL", idempotent, the_region,
                        the_key, json("value", "Anything; NIL: it is cached that there is none.").optional(), the_ttl,
                        the_tags),
    method<&cache::remove>("delete", "Removes a key. No later lookup is answered by a load that began before.",
                           "BOOL: whether there was one", idempotent, the_region, the_key),
    method<&cache::invalidate>(
        "invalidate",
        "Invalidates all keys of a region that match a pattern, without looking for them. No later "
        "lookup is answered by a load that began before.",
        "NIL", idempotent, the_region,
        pattern("pattern", "A glob: * ? [a-z] and \\ for themselves; * alone clears the region.").at_least(1)),
    method<&cache::invalidate_tag>("invalidate_tag",
                                   "Invalidates all values of a region that have a tag, without looking for them. No "
                                   "later lookup is answered by a "
                                   "load that began before.",
                                   "NIL", idempotent, the_region, bytes("tag").at_least(1)),
    method<&cache::bloom_add>(
        "bloom_add",
        "Adds keys that exist to the filter of a region whose policy has `bloom`. Until it was said to be complete, "
        "and "
        "again after it was lost, the filter refuses nothing. store and set of a value add its key.",
        "NIL", idempotent, the_region, any("keys", "LIST of BYTES."),
        any("complete", "With these the filter has all keys that exist: from now on others are refused.")
            .by_default(value(false))),
    method<&cache::clear>("clear", "Invalidates all keys of a region; as invalidate of *.", "NIL", idempotent,
                          the_region),
    method<&cache::stats>(
        "stats", "Counts what this process' lookups came to.",
        "MAP {hits, near_hits, misses, stale, loads, refreshes, failures, waiting, away, refused, unreadable, "
        "l1_entries, "
        "l1_bytes, l1_evictions}; without a region of all, with worst_age_ms and regions: {name: MAP}",
        read_only | idempotent, key("region", "One region.")));

constexpr auto cache_config =
    fields(any("defaults", "The policy of regions that were not defined, and of fields that a definition leaves out.")
               .kinds(a_map)
               .optional()
               .with_fields<policy_fields>(),
           duration("redis_timeout_ms", "How long a lookup waits for Redis before it goes on without it.")
               .kinds(an_int)
               .at_least(1)
               .by_default(1'000),
           any("encryption_keys", "MAP of key id to 32 bytes in base64; a policy's `encrypt` names one of them.")
               .kinds(a_map)
               .optional()
               .secret());

}  // namespace

}  // namespace cache_plugin

CACHECORE_PLUGIN(cache_plugin::cache, cache_plugin::cache_about, cache_plugin::cache_methods,
                 cache_plugin::cache_config)
