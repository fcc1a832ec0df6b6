// The namespace `core`: what the core tells of itself.
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "cachecore/plugin.hpp"
#include "core/build_config.h"
#include "core/config/configuration.h"
#include "core/core.h"
#include "core/plugins/registry.h"
#include "core/topology/router.h"

namespace cachecore_internal {
namespace {

using namespace cachecore::plugin;

// The records one `core.log` has not emitted yet. Written by any thread, read by its invocation.
class log_tap {
 public:
  static constexpr size_t limit = 1024;

  struct record {
    int32_t level;
    std::string message;
    uint64_t dropped;  // before it
  };

  log_tap(core_log &from, int64_t least) : log_(from) {
    number_ = log_.add_listener([this, least](int32_t level, const std::string &message) {
      if (level >= least) add(level, message);
    });
  }
  ~log_tap() { log_.remove_listener(number_); }
  log_tap(const log_tap &) = delete;
  log_tap &operator=(const log_tap &) = delete;

  task<std::deque<record>> next(call &call) {
    while (true) {
      std::unique_lock<std::mutex> lock(mutex_);
      if (!records_.empty()) co_return std::exchange(records_, {});
      (void)co_await waiting_.wait(call, lock);
    }
  }

 private:
  void add(int32_t level, const std::string &message) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (records_.size() >= limit) {
      dropped_ += 1 + records_.front().dropped;
      records_.pop_front();
    }
    records_.push_back({level, message, std::exchange(dropped_, 0)});
    waiting_.wake_one();
  }

  core_log &log_;
  uint64_t number_ = 0;
  std::mutex mutex_;
  std::deque<record> records_;
  uint64_t dropped_ = 0;
  parking_lot<> waiting_;
};

class core_methods {
 public:
  explicit core_methods(host &host) : core_(plugin_record::of(host.raw()).core) {}

  task<void> log(call &call, int64_t level) {
    log_tap tap(core_.log, level);
    while (true) {
      for (const log_tap::record &each : co_await tap.next(call)) {
        call.emit(call.map({{"level", level_name(each.level)},
                            {"message", call.copy(each.message)},
                            {"dropped", static_cast<int64_t>(each.dropped)}}));
      }
    }
  }

  task<value> drain(call &call, int64_t timeout_ms) {
    constexpr int64_t look_every_ms = 5;
    int64_t waited = 0;
    while (true) {
      const int64_t others = core_.calls_inside() - 1;
      if (others <= 0 || waited >= timeout_ms)
        co_return call.map({{"drained", others <= 0}, {"running", std::max<int64_t>(others, 0)}});
      co_await call.sleep(look_every_ms);
      waited += look_every_ms;
    }
  }

  task<value> stats(call &call) {
    const node::figures now = core_.running->routes().count();
    std::vector<entry> methods;
    std::vector<entry> metrics;
    std::vector<entry> described;
    for (const plugin_record *plugin : core_.plugins.all()) {
      for (const auto &method : plugin->methods) add_method(call, methods, *method);
      auto &record = const_cast<plugin_record &>(*plugin);
      const std::lock_guard<std::mutex> lock(record.metrics_mutex);
      for (const auto &metric : record.metrics) {
        const value name = call.copy(std::string(plugin->descriptor.name) + "." + metric->name);
        metrics.push_back({name, metric->value.load(std::memory_order_relaxed)});
        described.push_back({name, call.map({{"kind", metric->kind == CACHECORE_METRIC_COUNTER ? "counter" : "gauge"},
                                             {"doc", call.copy(metric->doc)}})});
      }
    }
    co_return call.map({{"version", CACHECORE_VERSION},
                        {"server", call.copy(core_.settings.server.display())},
                        {"calls", core_.calls_inside()},
                        {"connections", static_cast<int64_t>(now.connections)},
                        {"leased", static_cast<int64_t>(now.leased)},
                        {"waiting_for_connection", static_cast<int64_t>(now.waiting)},
                        {"methods", call.map(methods)},
                        {"metrics", call.map(metrics)},
                        {"metrics_described", call.map(described)},
                        {"slow_calls", static_cast<int64_t>(core_.slow.count())}});
  }

  task<value> slow(call &call, int64_t count) {
    std::vector<value> out;
    for (const slow_call &each : core_.slow.newest(static_cast<size_t>(count))) {
      out.push_back(call.map({{"method", call.copy(each.method)},
                              {"at_ms", each.ended_at_ms},
                              {"took_us", each.took_us},
                              {"status", cachecore_status_name(each.status)}}));
    }
    co_return call.list(out);
  }

  task<value> encrypt(call &call, std::string_view text) {
    try {
      co_return call.copy(encrypt_secret(std::string(text), secret_key_from_environment()));
    } catch (const failure &fault) {
      throw error(fault.status(), fault.message());
    }
  }

 private:
  static void add_method(call &call, std::vector<entry> &to, const cachecore_method &method) {
    uint64_t calls = 0;
    uint64_t errors = 0;
    uint64_t timed = 0;
    uint64_t total_ns = 0;
    int64_t buckets[method_counters::bucket_count] = {};
    for (const auto &shard : method.counters.shards) {
      calls += shard.calls.load(std::memory_order_relaxed);
      errors += shard.errors.load(std::memory_order_relaxed);
      timed += shard.timed.load(std::memory_order_relaxed);
      total_ns += shard.total_ns.load(std::memory_order_relaxed);
      for (int i = 0; i < method_counters::bucket_count; i++) {
        buckets[i] += static_cast<int64_t>(shard.buckets[i].load(std::memory_order_relaxed));
      }
    }
    if (calls == 0) return;
    std::vector<value> histogram;
    for (const int64_t count : buckets) histogram.emplace_back(count);
    to.push_back(
        {std::string_view(method.name),
         call.map({{"calls", static_cast<int64_t>(calls)},
                   {"errors", static_cast<int64_t>(errors)},
                   {"timed", static_cast<int64_t>(timed)},
                   {"mean_us", timed == 0 ? 0.0 : static_cast<double>(total_ns) / 1000.0 / static_cast<double>(timed)},
                   {"latency_us", call.list(histogram)}})});
  }

  cachecore_handle &core_;
};

constexpr about core_about{
    .name = "core", .version = CACHECORE_VERSION, .license = "MIT", .summary = "The core itself."};

using namespace spec;

constexpr auto core_table = declare(
    method<&core_methods::log>(
        "log", "Streams log records until cancelled.", "items {level, message, dropped}: `dropped` were lost before it",
        streaming, count("level", "the least: 0 debug, 1 info, 2 warning, 3 error").at_least(0).by_default(int64_t{1})),
    method<&core_methods::drain>("drain", "Waits until no other call is running, or the time has passed.",
                                 "{drained, running}", read_only, duration("timeout_ms").at_least(0).wait()),
    method<&core_methods::stats>("stats", "Figures of methods, connections and plugins' metrics.",
                                 "{version, server, calls, connections, leased, waiting_for_connection, methods: "
                                 "{name: {calls, errors, timed, mean_us, "
                                 "latency_us: counts below 1, 2, 4 ... microseconds}}, metrics: {name: figure}, "
                                 "metrics_described: {name: {kind, doc}}, slow_calls}",
                                 read_only),
    method<&core_methods::slow>("slow",
                                "The last calls that were slow, newest first; none unless a plugin (monitor) says from "
                                "when on a call is slow.",
                                "LIST of {method, at_ms, took_us, status}", read_only,
                                count("count", "How many at most.").at_least(1).by_default(int64_t{50})),
    method<&core_methods::encrypt>("encrypt",
                                   "Encrypts a secret for use in configuration, with the key of CACHECORE_SECRET_KEY "
                                   "or CACHECORE_SECRET_KEY_FILE.",
                                   "BYTES: ENC(...)", read_only, bytes("text").at_least(1).secret()));

}  // namespace

const ::cachecore_plugin &core_namespace() noexcept {
  return detail::descriptor<core_methods, core_about, core_table>::table;
}

}  // namespace cachecore_internal
