// host.hpp: what the core lends a plugin, by name.
//
// Thread rule: everything here is [any thread]. Lives as long as the plugin's instance.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "../plugin.h"
#include "error.hpp"

namespace cachecore::plugin {

// The tables of plugin.h; null where this host has none. What `call` and `host` do not wrap is called through them.
struct services {
  const cachecore_invocation_service *invocation;
  const cachecore_redis_service *redis;
  const cachecore_stream_service *stream;
  const cachecore_timer_service *timer;
  const cachecore_call_service *call;
  const cachecore_json_service *json;
  const cachecore_crypto_service *crypto;
  const cachecore_compress_service *compress;
  const cachecore_metrics_service *metrics;
  const cachecore_log_service *log;
  const cachecore_tracking_service *tracking;
  const cachecore_slow_service *slow;
  const cachecore_submit_service *submit;
};

// The levels of options.h.
enum class severity : int32_t { debug, info, warning, error };

// A figure in core.stats; one that no host keeps does nothing.
class metric {
 public:
  metric() = default;
  metric(const cachecore_metrics_service *service, cachecore_metric *raw) noexcept : service_(service), raw_(raw) {}
  void add(int64_t delta = 1) const {
    if (service_ != nullptr) service_->add(raw_, delta);
  }
  void set(int64_t figure) const {
    if (service_ != nullptr) service_->set(raw_, figure);
  }

 private:
  const cachecore_metrics_service *service_ = nullptr;
  cachecore_metric *raw_ = nullptr;
};

class host {
 public:
  explicit host(const cachecore_host *raw) : raw_(raw), key_prefix_(raw->key_prefix == nullptr ? "" : raw->key_prefix) {
    find_service(services_.invocation, "invocation/1");
    find_service(services_.redis, "redis/1");
    find_service(services_.stream, "stream/1");
    find_service(services_.timer, "timer/1");
    find_service(services_.call, "call/1");
    find_service(services_.json, "json/1");
    find_service(services_.crypto, "crypto/1");
    find_service(services_.compress, "compress/1");
    find_service(services_.metrics, "metrics/1");
    find_service(services_.log, "log/1");
    find_service(services_.tracking, "tracking/1");
    find_service(services_.slow, "slow/1");
    find_service(services_.submit, "submit/1");
    if (services_.invocation == nullptr) throw error(CACHECORE_INCOMPATIBLE, "this host has no service invocation/1");
  }
  host(const host &) = delete;
  host &operator=(const host &) = delete;

  // To be put before every key; call.key does so.
  [[nodiscard]] std::string_view key_prefix() const noexcept { return key_prefix_; }
  [[nodiscard]] const plugin::services &services() const noexcept { return services_; }
  [[nodiscard]] const cachecore_host *raw() const noexcept { return raw_; }

  // A clock that never goes back and counts while the machine sleeps.
  [[nodiscard]] int64_t now_ms() const { return services_.timer->now_ms(); }

  // A method of any plugin, to be called with call.method; throws NO_METHOD. Other plugins may be loaded later than
  // this one, so a constructor cannot count on theirs.
  [[nodiscard]] const cachecore_method *find(const char *name) const {
    const cachecore_method *found = nullptr;
    cachecore_error failed;
    if (services_.call->find(raw_, name, &found, &failed) != CACHECORE_OK) throw error(failed);
    return found;
  }

  // Never a secret. The core puts the plugin's name before it.
  void log(severity level, const std::string &message) const {
    if (services_.log != nullptr) services_.log->write(raw_, static_cast<int32_t>(level), message.c_str());
  }

  [[nodiscard]] metric counter(const char *name, const char *doc) const {
    return find_metric(CACHECORE_METRIC_COUNTER, name, doc);
  }
  [[nodiscard]] metric gauge(const char *name, const char *doc) const {
    return find_metric(CACHECORE_METRIC_GAUGE, name, doc);
  }

  // Bytes of the system's CSPRNG.
  void random(std::span<uint8_t> out) const {
    if (services_.crypto->random(out.data(), out.size()) != CACHECORE_OK) {
      throw error(CACHECORE_INTERNAL, "the system's random generator failed");
    }
  }
  [[nodiscard]] std::array<uint8_t, 32> sha256(std::string_view data) const {
    std::array<uint8_t, 32> digest;
    if (services_.crypto->sha256(data.data(), data.size(), digest.data()) != CACHECORE_OK) {
      throw error(CACHECORE_INTERNAL, "SHA-256 failed");
    }
    return digest;
  }

  // Starts a member coroutine of the plugin as work without a caller:
  // `host.spawn<&cache::watch_leases>("cache.leases")`. It is given up with CLOSED at reset and close. `name` is
  // static. From the constructor only as its last statement: the work may begin at once.
  template <auto Function>
  void spawn(const char *name);
  // The same, begun only when the core's thread is started by something else.
  template <auto Function>
  void spawn_when_started(const char *name);

 private:
  [[nodiscard]] metric find_metric(uint32_t kind, const char *name, const char *doc) const {
    if (services_.metrics == nullptr) return {};
    return {services_.metrics, services_.metrics->metric(raw_, kind, name, doc)};
  }

  template <class Service>
  void find_service(const Service *&out, const char *id) {
    out = static_cast<const Service *>(raw_->service(raw_, id));
  }

  const cachecore_host *raw_;
  std::string_view key_prefix_;
  plugin::services services_{};
};

}  // namespace cachecore::plugin
