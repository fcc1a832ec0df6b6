// monitor.h: health, figures and alerts, as methods.
//
// What the plugin keeps: counts of `record` that were not written to Redis yet, and the last sight of the regions'
// figures, from which what they did since is told. Everything else is asked for when somebody wants to know.
//
// The worker. Work that accompanies calls (writing counts) is done by an invocation every `flush_ms`: each begins the
// next, so that none keeps the memory of the ones before. It begins when the core's thread does: a core that is never
// used stays without a thread.
//
// Thread rule: any thread; what is shared lies under `mutex_`, never held across a co_await.
#pragma once

#include <cachecore/plugin.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server_figures.h"

namespace monitor_plugin {

using namespace cachecore::plugin;

struct counts {
  int64_t hits = 0;
  int64_t misses = 0;
};

// From when on something is worth telling; see alerts.cpp.
struct thresholds {
  double memory;
  double hit_rate;
  int64_t hit_rate_calls;
  int64_t latency_ms;
  int64_t queue_depth;
  int64_t queue_dead;
  double clients;
};

class monitor {
 public:
  monitor(host &host, const value &config);

  // health.cpp
  task<value> health(call &call, std::optional<int64_t> timeout_ms);

  // records.cpp
  task<void> record(call &call, std::string_view type, int64_t hits, int64_t misses);
  task<void> flush(call &call);
  task<value> stats(call &call, std::optional<std::string_view> type);
  task<value> history(call &call, std::string_view type);
  task<void> work(call &call);

  // server.cpp
  task<value> server(call &call, std::optional<std::string_view> section);

  // metrics.cpp
  task<value> metrics(call &call, std::string_view format);

  // alerts.cpp
  task<value> alerts(call &call);

  // slow.cpp
  task<value> slow(call &call, int64_t count);

 private:
  struct sums {
    counts recorded;
    value slices;  // LIST of {at_ms, hits, misses}
  };

  // A method that may not be there, or may fail: nothing then.
  template <class... Arguments>
  task<std::optional<value>> ask(call &call, const char *name, Arguments... arguments);

  task<sums> read_type(call &call, std::string_view type);
  task<std::vector<std::string>> types(call &call);
  task<void> observe_regions(call &call);
  task<std::optional<error>> write_counts(call &call);
  void add(std::string_view type, counts more);

  // The figures of every master; throws when one does not answer.
  task<std::vector<server_figures>> ask_servers(call &call);

  // What each queue holds: pairs of a name and its counts.
  task<std::vector<entry>> queues(call &call);

  host &host_;
  const int64_t flush_ms_;
  const int64_t check_timeout_ms_;
  const int64_t max_types_;
  const thresholds thresholds_;

  std::atomic<bool> awake_{false};  // a `record` has started the core's thread
  std::mutex mutex_;
  std::map<std::string, counts, std::less<>> unwritten_;
  std::map<std::string, counts, std::less<>> regions_seen_;
};

template <class... Arguments>
task<std::optional<value>> monitor::ask(call &call, const char *name, Arguments... arguments) {
  const cachecore_method *method = nullptr;
  cachecore_error failed;
  if (host_.services().call->find(host_.raw(), name, &method, &failed) != CACHECORE_OK) co_return std::nullopt;
  try {
    const std::optional<reply> answer = co_await call.method(method, arguments...);
    if (!answer) co_return std::nullopt;
    co_return static_cast<const value &>(*answer);
  } catch (const error &) {
    co_return std::nullopt;
  }
}

}  // namespace monitor_plugin
