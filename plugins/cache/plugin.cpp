// plugin.cpp: what callers see of cache.

#include "cache.h"

namespace cache_plugin {

cache::cache(host &host, const value &config)
    : host_(host),
      regions_(policy::from(config.pairs()["defaults"].is_nil() ? map_view() : config.pairs()["defaults"].pairs(), {})),
      patience_(config.pairs()["redis_timeout_ms"].as_int(), [this] { start_request_watch(); }) {}

task<void> cache::define(call & /*call*/, std::string_view region_name, map_view fields) {
  const auto how = std::make_shared<const policy>(policy::from(fields, regions_.standard()));
  regions_.get(region_name)->define(how);
  co_return;
}

task<value> cache::stats(call &call, std::optional<std::string_view> region_name) {
  constexpr size_t figure_count = 7;
  constexpr std::array<std::pair<const char *, std::atomic<int64_t> figures::*>, figure_count> shown = {
      {{"hits", &figures::hits},
       {"misses", &figures::misses},
       {"stale", &figures::stale},
       {"loads", &figures::loads},
       {"failures", &figures::failures},
       {"waiting", &figures::waiting},
       {"away", &figures::away}}};
  const auto show = [&](const region &each) {
    std::array<entry, figure_count> out;
    for (size_t i = 0; i < figure_count; i++) out[i] = {shown[i].first, (each.counted.*shown[i].second).load()};
    return out;
  };
  if (region_name) {
    const auto of_region = show(*regions_.get(*region_name));
    co_return call.map(of_region);
  }
  const std::vector<region_ref> all = regions_.all();
  std::array<entry, figure_count + 1> totals;
  for (size_t i = 0; i < figure_count; i++) totals[i] = {shown[i].first, int64_t{0}};
  std::vector<entry> by_name;
  by_name.reserve(all.size());
  for (const region_ref &each : all) {
    const auto of_region = show(*each);
    for (size_t i = 0; i < figure_count; i++) totals[i].value.as.integer += of_region[i].value.as.integer;
    by_name.push_back({call.copy(each->name()), call.map(of_region)});
  }
  totals[figure_count] = {"regions", call.map(by_name)};
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
        none, the_region, the_key,
        duration("wait_ms", "How long it may wait for another caller's load, added to the default timeout of a call.")
            .at_least(0)
            .by_default(30'000)
            .wait())
        .undone_by<&cache::undo_lookup>(),
    method<&cache::store>(
        "store",
        "Ends a lease with the value that was loaded; NIL: there is none, and that is cached. All who wait get it.",
        "BOOL: whether it is cached (false: invalidated meanwhile, or Redis is away); or CONFLICT: the lease had "
        "expired",
        none, the_lease, json("value", "What was loaded.").optional(), the_ttl),
    method<&cache::fail>("fail", "Ends a lease: the loader failed. All who wait get LOADER_FAILED.",
                         "NIL; or CONFLICT: the lease had expired", none, the_lease,
                         bytes("message", "Why; those who wait are told.").by_default("")),
    method<&cache::get>("get", "Reads a value that is cached and fresh; never loads.", "the value, or NOT_FOUND",
                        read_only | idempotent, the_region, the_key),
    method<&cache::set>("set", "Caches a value; a load under way is not stored over it.", "NIL", idempotent, the_region,
                        the_key, json("value", "Anything; NIL: it is cached that there is none.").optional(), the_ttl),
    method<&cache::remove>("delete", "Removes a key. No later lookup is answered by a load that began before.",
                           "BOOL: whether there was one", idempotent, the_region, the_key),
    method<&cache::invalidate>(
        "invalidate",
        "Invalidates all keys of a region that match a pattern, without looking for them. No later "
        "lookup is answered by a load that began before.",
        "NIL", idempotent, the_region,
        pattern("pattern", "A glob: * ? [a-z] and \\ for themselves; * alone clears the region.").at_least(1)),
    method<&cache::stats>(
        "stats", "Counts what this process' lookups came to.",
        "MAP {hits, misses, stale, loads, failures, waiting, away}; without a region of all, with regions: {name: MAP}",
        read_only | idempotent, key("region", "One region.")));

constexpr auto cache_config =
    fields(any("defaults", "The policy of regions that were not defined, and of fields that a definition leaves out.")
               .kinds(a_map)
               .optional()
               .with_fields<policy_fields>(),
           duration("redis_timeout_ms", "How long a lookup waits for Redis before it goes on without it.")
               .kinds(an_int)
               .at_least(1)
               .by_default(1'000));

}  // namespace

}  // namespace cache_plugin

CACHECORE_PLUGIN(cache_plugin::cache, cache_plugin::cache_about, cache_plugin::cache_methods,
                 cache_plugin::cache_config)
