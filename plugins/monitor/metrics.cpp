// metrics.cpp: everything that is counted, as text for Prometheus.
//
// A scrape costs one INFO of each server, two small requests for each recorded type, and what the queues' counts cost.
// While the servers are away it still tells what the process knows: cachecore_up is 0 then.
#include <algorithm>
#include <cmath>

#include "exposition.h"
#include "monitor.h"
#include "within.h"

namespace monitor_plugin {

namespace {

using kind = metric_kind;

value at(const value &map, std::string_view name) { return map.is(CACHECORE_MAP) ? map.pairs()[name] : value(); }

double number(const value &of) { return of.is(CACHECORE_INT) || of.is(CACHECORE_DOUBLE) ? of.as_double() : 0.0; }

map_view map_of(const value &of) { return of.is(CACHECORE_MAP) ? of.pairs() : map_view(); }

// Of a queue's counts, those that count jobs.
bool is_state(const value &name) {
  constexpr std::string_view states[] = {"ready", "delayed", "active", "blocked", "dead", "done"};
  return name.is(CACHECORE_BYTES) && std::find(std::begin(states), std::end(states), name.text()) != std::end(states);
}

// One family with one sample for each entry of a map, labelled by its key.
void by_key(exposition &out, std::string_view name, metric_kind type, std::string_view help, std::string_view label,
            const map_view &of, std::string_view figure) {
  out.family(name, type, help);
  for (const entry &each : of) {
    if (each.key.is(CACHECORE_BYTES)) out.sample({{label, each.key.text()}}, number(at(each.value, figure)));
  }
}

// Bounds of powers of four: enough to tell a percentile, and half as much text.
void add_latencies(exposition &out, const map_view &methods) {
  out.family("cachecore_call_duration_seconds", kind::histogram, "Time of calls that waited for something, by method.",
             "seconds");
  for (const entry &each : methods) {
    const std::string_view method = each.key.as_text();
    const value buckets = at(each.value, "latency_us");
    double below = 0;
    size_t exponent = 0;
    for (const value &bucket : buckets.items()) {
      below += number(bucket);
      const bool last = exponent + 1 == buckets.items().size();
      // Bucket i counts what took less than 2^i microseconds.
      if (!last && exponent % 2 == 0) {
        out.part("_bucket", {{"method", method}, {"le", number_text(std::ldexp(1e-6, static_cast<int>(exponent)))}},
                 below);
      }
      exponent++;
    }
    const double timed = number(at(each.value, "timed"));
    // Counters are read while calls go on: the whole is never less than its parts.
    out.part("_bucket", {{"method", method}, {"le", "+Inf"}}, std::max(below, timed));
    out.part("_sum", {{"method", method}}, number(at(each.value, "mean_us")) * timed / 1e6);
    out.part("_count", {{"method", method}}, std::max(below, timed));
  }
}

void add_core(exposition &out, const value &stats) {
  out.family("cachecore_build", kind::gauge, "Which version this is.");
  out.sample({{"version", at(stats, "version").as_text()}}, int64_t{1});
  const map_view methods = map_of(at(stats, "methods"));
  by_key(out, "cachecore_calls", kind::counter, "Calls that have ended, by method.", "method", methods, "calls");
  by_key(out, "cachecore_call_errors", kind::counter, "Calls that ended with an error, by method.", "method", methods,
         "errors");
  add_latencies(out, methods);

  struct plain {
    std::string_view figure;
    std::string_view name;
    metric_kind type;
    std::string_view help;
  };
  constexpr plain plains[] = {
      {"calls", "cachecore_calls_running", kind::gauge, "Calls and background work under way."},
      {"connections", "cachecore_connections", kind::gauge, "Open connections to all servers."},
      {"leased", "cachecore_connections_leased", kind::gauge, "Connections one call has for itself."},
      {"waiting_for_connection", "cachecore_connection_waiters", kind::gauge, "Calls that wait for a connection."},
      {"slow_calls", "cachecore_slow_calls", kind::counter, "Calls that took longer than slow_ms."},
  };
  for (const plain &each : plains) {
    out.family(each.name, each.type, each.help);
    out.sample({}, number(at(stats, each.figure)));
  }
  const map_view described = map_of(at(stats, "metrics_described"));
  for (const entry &each : map_of(at(stats, "metrics"))) {
    const value of = described[each.key.as_text()];
    const bool counts = at(of, "kind").is(CACHECORE_BYTES) && at(of, "kind").text() == "counter";
    const value doc = at(of, "doc");
    std::string name = "cachecore_" + exposition::clean(each.key.text());
    // Prometheus measures time in seconds.
    const bool in_ms = name.ends_with("_ms");
    if (in_ms) name.replace(name.size() - 2, 2, "seconds");
    out.family(name, counts ? kind::counter : kind::gauge,
               doc.is(CACHECORE_BYTES) && !doc.text().empty() ? doc.text() : "A figure of a plugin.",
               in_ms ? "seconds" : "");
    out.sample({}, static_cast<double>(number(each.value)) / (in_ms ? 1000 : 1));
  }
}

void add_regions(exposition &out, const value &all) {
  const map_view regions = map_of(at(all, "regions"));
  if (regions.empty()) return;
  struct figure {
    std::string_view key;
    std::string_view help;
  };
  constexpr figure figures[] = {{"hits", "Lookups of this process answered from the cache, by region."},
                                {"misses", "Lookups of this process that found nothing, by region."},
                                {"stale", "Lookups of this process answered with a stale value, by region."},
                                {"loads", "Loads this process was told to make, by region."},
                                {"failures", "Loads of this process that failed, by region."}};
  for (const figure &each : figures) {
    by_key(out, "cachecore_region_" + std::string(each.key), kind::counter, each.help, "region", regions, each.key);
  }
}

void add_servers(exposition &out, const std::vector<server_figures> &servers) {
  struct figure {
    std::string_view name;
    metric_kind type;
    std::string_view help;
    int64_t server_figures::*of;
    std::string_view unit = {};
  };
  static constexpr figure figures[] = {
      {"cachecore_server_memory_used_bytes", kind::gauge, "Memory the server uses.", &server_figures::used_bytes,
       "bytes"},
      {"cachecore_server_memory_max_bytes", kind::gauge, "Its limit; 0: none.", &server_figures::max_bytes, "bytes"},
      {"cachecore_server_clients", kind::gauge, "Connections of all clients.", &server_figures::connected},
      {"cachecore_server_clients_blocked", kind::gauge, "Clients in a blocking command.", &server_figures::blocked},
      {"cachecore_server_commands", kind::counter, "Commands the server has run.", &server_figures::commands},
      {"cachecore_server_keyspace_hits", kind::counter, "Reads that found their key.", &server_figures::hits},
      {"cachecore_server_keyspace_misses", kind::counter, "Reads that did not.", &server_figures::misses},
      {"cachecore_server_expired_keys", kind::counter, "Keys that expired.", &server_figures::expired},
      {"cachecore_server_evicted_keys", kind::counter, "Keys evicted for memory.", &server_figures::evicted},
      {"cachecore_server_keys", kind::gauge, "Keys there are.", &server_figures::keys},
      {"cachecore_server_replicas", kind::gauge, "Connected replicas.", &server_figures::replicas},
      {"cachecore_server_uptime_seconds", kind::gauge, "Since it was started.", &server_figures::uptime_s, "seconds"},
  };
  for (const figure &each : figures) {
    out.family(each.name, each.type, each.help, each.unit);
    for (size_t i = 0; i < servers.size(); i++) out.sample({{"server", std::to_string(i)}}, servers[i].*each.of);
  }
}

}  // namespace

task<std::vector<entry>> monitor::queues(call &call) {
  constexpr size_t most = 200;
  std::vector<entry> out;
  const std::optional<value> names = co_await ask(call, "queue.names");
  if (!names || !names->is(CACHECORE_LIST)) co_return out;
  for (const value &each : names->items()) {
    if (!each.is(CACHECORE_BYTES) || out.size() >= most) continue;
    const std::optional<value> held = co_await ask(call, "queue.counts", each.text());
    if (held && held->is(CACHECORE_MAP)) out.push_back({each, *held});
  }
  co_return out;
}

task<value> monitor::metrics(call &call, std::string_view format) {
  if (format != "openmetrics" && format != "prometheus") {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "format must be openmetrics or prometheus, got " + std::string(format.substr(0, 64)));
  }
  exposition out(format == "openmetrics");
  const std::optional<value> stats = co_await ask(call, "core.stats");
  if (stats) add_core(out, *stats);
  const std::optional<value> regions = co_await ask(call, "cache.stats", value());
  if (regions) add_regions(out, *regions);

  std::vector<server_figures> servers;
  value recorded;
  std::vector<entry> held;
  bool up = true;
  try {
    // A silent server must not use up the time the scraper gives: whether it answers is found out first.
    const value ping[] = {"PING"};
    const reply pongs = co_await within(call, check_timeout_ms_, [&](cachecore_continuation then, void *state) {
      call.services().redis->each_node(call.raw(), ping, 1, 0, then, state);
    });
    for (const value &each : pongs.items()) each.or_throw();
    servers = co_await ask_servers(call);
    recorded = co_await this->stats(call, std::nullopt);
    held = co_await queues(call);
  } catch (const error &) {
    up = false;
  }
  out.family("cachecore_up", kind::gauge, "1 when every server answers.");
  out.sample({}, int64_t{up ? 1 : 0});
  if (!servers.empty()) add_servers(out, servers);
  if (!map_of(recorded).empty()) {
    by_key(out, "cachecore_type_hits_24h", kind::gauge, "Hits of all processes in 24 hours, by type.", "type",
           map_of(recorded), "hits");
    by_key(out, "cachecore_type_misses_24h", kind::gauge, "Misses of all processes in 24 hours, by type.", "type",
           map_of(recorded), "misses");
  }
  if (!held.empty()) {
    out.family("cachecore_queue_jobs", kind::gauge, "Jobs, by queue and state.");
    for (const entry &queue : held) {
      for (const entry &state : queue.value.pairs()) {
        if (is_state(state.key))
          out.sample({{"queue", queue.key.text()}, {"state", state.key.as_text()}}, number(state.value));
      }
    }
  }
  co_return call.copy(out.finish());
}

}  // namespace monitor_plugin
