// plugin.cpp: what callers see of the monitor.

#include "monitor.h"

namespace monitor_plugin {

namespace {

using namespace spec;

constexpr about monitor_about{
    .name = "monitor",
    .version = "0.1.0",
    .license = "MIT",
    .summary = "Health, hit rates by type, server figures, metrics for Prometheus, alerts, slow calls.",
    .needs = {"redis/1", "call/1", "timer/1", "crypto/1", "slow/1"}};

constexpr auto the_type = key("type", "The name of what is cached; regions of the plugin cache have their own name.");

constexpr auto monitor_methods = declare(
    method<&monitor::health>(
        "health", "Tries a ping, a write, a read and a delete, each with its own deadline.",
        "{status: healthy | degraded | unhealthy, latency_ms, read_write, checks: [{name, ok, latency_ms, reason?, "
        "message?}], reason?, message?}",
        none, duration("timeout_ms", "Of each check; without it, the configuration's check_timeout_ms.").at_least(1)),
    method<&monitor::record>("record", "Counts hits and misses of a type; written to Redis in batches.", "NIL", none,
                             the_type, count("hits").at_least(0), count("misses").at_least(0).by_default(int64_t{0})),
    method<&monitor::flush>("flush", "Writes the counts of this process now: before a short program ends.", "NIL",
                            none),
    method<&monitor::stats>("stats", "Hits and misses that all processes recorded in the last 24 hours.",
                            "{hits, misses, total, hit_rate}; without a type {type: {...}}", read_only | idempotent,
                            the_type.optional()),
    method<&monitor::history>("history", "The same, in slices of ten minutes; oldest first, only those with counts.",
                              "LIST of {at_ms, hits, misses}", read_only | idempotent, the_type),
    method<&monitor::server>(
        "server", "What the servers say of themselves; of several the sum.",
        "{version, product, uptime_s, memory, clients, commands, keyspace, replication, persistence, servers}; with a "
        "section only that",
        read_only | idempotent, text("section", "memory, clients, commands, keyspace, replication or persistence.")),
    method<&monitor::metrics>("metrics", "Everything that is counted, as text for Prometheus.", "BYTES",
                              read_only | idempotent,
                              text("format", "openmetrics, or prometheus: the older text format.")
                                  .by_default(std::string_view("openmetrics"))),
    method<&monitor::alerts>("alerts", "What is beyond its threshold now; none is remembered.",
                             "LIST of {name, severity: warning | critical, subject, message, value, threshold}", none),
    method<&monitor::slow>(
        "slow", "The last slow calls of this process, and the servers' slow commands (names and keys only).",
        "{calls: [{method, at_ms, took_us, status}], servers: [{command, key, at_ms, took_us, server}]}",
        read_only | idempotent, count("count", "How many of each at most.").at_least(1).by_default(int64_t{50})));

constexpr auto alert_fields = fields(
    any("memory", "Part of a server's memory limit, 0 to 1.").kinds(a_double | an_int).by_default(0.9),
    any("hit_rate", "Least part of reads that are hits, 0 to 1.").kinds(a_double | an_int).by_default(0.5),
    count("hit_rate_calls", "Types that were read less often are not judged.")
        .kinds(an_int)
        .at_least(1)
        .by_default(int64_t{1'000}),
    duration("latency_ms", "Of a ping.").kinds(an_int).at_least(1).by_default(int64_t{100}),
    count("queue_depth", "Jobs that are ready in one queue.").kinds(an_int).at_least(0).by_default(int64_t{10'000}),
    count("queue_dead", "Dead jobs in one queue.").kinds(an_int).at_least(1).by_default(int64_t{1}),
    any("clients", "Part of the clients a server allows, 0 to 1.").kinds(a_double | an_int).by_default(0.9));

constexpr auto monitor_config =
    fields(duration("flush_ms", "How often counts are written to Redis.")
               .kinds(an_int)
               .at_least(10)
               .by_default(int64_t{1'000}),
           duration("check_timeout_ms", "How long each check of health may take.")
               .kinds(an_int)
               .at_least(1)
               .by_default(int64_t{1'000}),
           duration("slow_ms", "Calls that take at least so long are kept in the list of slow calls; 0: none.")
               .kinds(an_int)
               .at_least(0)
               .by_default(int64_t{100}),
           count("max_types", "How many types are kept at most.").kinds(an_int).at_least(1).by_default(int64_t{1'000}),
           any("alerts", "Thresholds.").kinds(a_map).optional().with_fields<alert_fields>());

double fraction(const map_view &from, std::string_view name, double standard) {
  const value given = from[name];
  if (given.is_nil()) return standard;
  const double out = given.as_double();
  if (!(out >= 0 && out <= 1)) {
    throw error(
        CACHECORE_INVALID_ARGUMENT,
        "alerts." + std::string(name) + " must be a part of the whole, from 0 to 1, got " + std::to_string(out));
  }
  return out;
}

int64_t whole(const map_view &from, std::string_view name, int64_t standard) {
  const value given = from[name];
  return given.is_nil() ? standard : given.as_int();
}

thresholds read_thresholds(const value &config) {
  const value given = config.pairs()["alerts"];
  const map_view from = given.is(CACHECORE_MAP) ? given.pairs() : map_view();
  return {.memory = fraction(from, "memory", 0.9),
          .hit_rate = fraction(from, "hit_rate", 0.5),
          .hit_rate_calls = whole(from, "hit_rate_calls", 1'000),
          .latency_ms = whole(from, "latency_ms", 100),
          .queue_depth = whole(from, "queue_depth", 10'000),
          .queue_dead = whole(from, "queue_dead", 1),
          .clients = fraction(from, "clients", 0.9)};
}

}  // namespace

monitor::monitor(host &host, const value &config)
    : host_(host),
      flush_ms_(config.pairs()["flush_ms"].as_int()),
      check_timeout_ms_(config.pairs()["check_timeout_ms"].as_int()),
      max_types_(config.pairs()["max_types"].as_int()),
      thresholds_(read_thresholds(config)) {
  host.services().slow->set_threshold_ms(host.raw(), config.pairs()["slow_ms"].as_int());
  host.spawn_when_started<&monitor::work>("monitor.work");
}

}  // namespace monitor_plugin

using monitor_plugin::monitor;
CACHECORE_PLUGIN(monitor, monitor_plugin::monitor_about, monitor_plugin::monitor_methods,
                 monitor_plugin::monitor_config)
