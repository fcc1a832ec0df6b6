// The tables plugins find at their host. Each function turns exceptions into the end of the wait it was to begin.
#include <cstring>
#include <map>

#include "core/core.h"
#include "core/plugins/redis_service.h"
#include "core/plugins/registry.h"
#include "core/plugins/submit_service.h"
#include "core/plugins/timer_service.h"
#include "core/runtime/call.h"
#include "core/values/compress.h"
#include "core/values/crypto.h"
#include "core/values/json.h"
#include "core/wire/tracking.h"

namespace cachecore_internal {
namespace {

// ---- invocation/1 ----

void *allocate(cachecore_invocation *invocation, size_t size) {
  try {
    return invocation->result->memory.allocate(size);
  } catch (const std::bad_alloc &) {
    return nullptr;
  }
}

void complete(cachecore_invocation *invocation, const cachecore_value *value, uint32_t flags) {
  complete_invocation(*invocation, value, flags);
}

void fail(cachecore_invocation *invocation, cachecore_status status, const char *message) {
  fail_invocation(*invocation, status, message != nullptr ? message : cachecore_status_name(status), {}, true);
}

void fail_with(cachecore_invocation *invocation, const cachecore_error *error) {
  fail_invocation(*invocation, error->status, error->message, error->server_code, true);
}

int64_t remaining_ms(cachecore_invocation *invocation) {
  start_clock(*invocation);
  return ms_until(invocation->deadline);
}

cachecore_status given_up(cachecore_invocation *invocation) { return invocation->given_up; }

void forget(cachecore_invocation *invocation, const cachecore_value *value) {
  for (wait **link = &invocation->received; *link != nullptr; link = &(*link)->next) {
    if (&(*link)->value != value) continue;
    wait *forgotten = *link;
    *link = forgotten->next;
    destroy_wait(forgotten);
    return;
  }
}

const cachecore_invocation_service invocation_table = {
    sizeof(cachecore_invocation_service), allocate, complete, fail, fail_with, remaining_ms, given_up, forget};

// ---- stream/1 ----

void emit(cachecore_invocation *invocation, const cachecore_value *item) { emit_item(*invocation, *item); }

const cachecore_stream_service stream_table = {sizeof(cachecore_stream_service), emit};

// ---- call/1 ----

cachecore_status find_method(const cachecore_host *host, const char *name, const cachecore_method **out,
                             cachecore_error *error) {
  const plugin_record &plugin = plugin_record::of(host);
  *out = plugin.core.plugins.find(name);
  if (*out != nullptr) return clear_error(error);
  return set_error(error, CACHECORE_NO_METHOD, std::string("no loaded plugin has a method ") + name);
}

void call_method(cachecore_invocation *invocation, const cachecore_method *method, const cachecore_value *args,
                 size_t count, cachecore_continuation then, void *state) {
  call_child(*invocation, *method, args, count, then, state);
}

cachecore_status spawn(const cachecore_host *host, const char *name, cachecore_method_function start, void *state) {
  try {
    plugin_record::of(host).core.running->spawn(name, start, state);
    return CACHECORE_OK;
  } catch (const failure &fault) {
    return fault.status();
  } catch (const std::exception &) {
    return CACHECORE_NO_MEMORY;
  }
}

cachecore_status spawn_when_started(const cachecore_host *host, const char *name, cachecore_method_function start,
                                    void *state) {
  try {
    plugin_record::of(host).core.running->spawn_when_started(name, start, state);
    return CACHECORE_OK;
  } catch (const std::exception &) {
    return CACHECORE_NO_MEMORY;
  }
}

const cachecore_call_service call_table = {sizeof(cachecore_call_service), find_method, call_method, spawn,
                                           spawn_when_started};

// ---- json/1 ----

cachecore_status encode_json(cachecore_invocation *invocation, const cachecore_value *value, cachecore_value *out,
                             cachecore_error *error) {
  try {
    std::string text;
    json_encode(*value, text);
    *out = invocation->result->memory.copy_bytes(text);
    return clear_error(error);
  } catch (const failure &fault) {
    return set_error(error, fault.status(), fault.message());
  } catch (const std::exception &) {
    return set_error(error, CACHECORE_NO_MEMORY, "out of memory");
  }
}

cachecore_status decode_json(cachecore_invocation *invocation, const char *json, size_t size, cachecore_value *out,
                             cachecore_error *error) {
  try {
    *out = json_decode(std::string_view(json, size), invocation->result->memory);
    return clear_error(error);
  } catch (const failure &fault) {
    return set_error(error, fault.status(), fault.message());
  } catch (const std::exception &) {
    return set_error(error, CACHECORE_NO_MEMORY, "out of memory");
  }
}

const cachecore_json_service json_table = {sizeof(cachecore_json_service), encode_json, decode_json};

// ---- metrics/1 ----

cachecore_metric *find_metric(const cachecore_host *host, uint32_t kind, const char *name, const char *doc) {
  auto &plugin = const_cast<plugin_record &>(plugin_record::of(host));
  try {
    const std::lock_guard<std::mutex> lock(plugin.metrics_mutex);
    for (const auto &each : plugin.metrics) {
      if (each->name == name) return reinterpret_cast<cachecore_metric *>(each.get());
    }
    auto made = std::make_unique<metric_record>();
    made->name = name;
    made->doc = doc != nullptr ? doc : "";
    made->kind = kind;
    plugin.metrics.push_back(std::move(made));
    return reinterpret_cast<cachecore_metric *>(plugin.metrics.back().get());
  } catch (const std::exception &) {
    return nullptr;
  }
}

void add_to_metric(cachecore_metric *metric, int64_t delta) {
  if (metric != nullptr) reinterpret_cast<metric_record *>(metric)->value.fetch_add(delta, std::memory_order_relaxed);
}

void set_metric(cachecore_metric *metric, int64_t value) {
  if (metric != nullptr) reinterpret_cast<metric_record *>(metric)->value.store(value, std::memory_order_relaxed);
}

const cachecore_metrics_service metrics_table = {sizeof(cachecore_metrics_service), find_metric, add_to_metric,
                                                 set_metric};

// ---- log/1 ----

void write_log(const cachecore_host *host, int32_t level, const char *message) {
  const plugin_record &plugin = plugin_record::of(host);
  try {
    plugin.core.log.write(level, std::string(plugin.descriptor.name) + ": " + message);
  } catch (const std::exception &) {
    // Out of memory: the record is lost.
  }
}

const cachecore_log_service log_table = {sizeof(cachecore_log_service), write_log};

// ---- slow/1 ----

void set_slow_threshold(const cachecore_host *host, int64_t ms) {
  plugin_record::of(host).core.slow.set_threshold_ms(ms);
}

const cachecore_slow_service slow_table = {sizeof(cachecore_slow_service), set_slow_threshold};

}  // namespace

const void *find_service(const cachecore_host *, const char *id) noexcept {
  const std::string_view wanted = id != nullptr ? id : "";
  if (wanted == "invocation/1") return &invocation_table;
  if (wanted == "redis/1") return redis_service();
  if (wanted == "stream/1") return &stream_table;
  if (wanted == "timer/1") return timer_service();
  if (wanted == "call/1") return &call_table;
  if (wanted == "json/1") return &json_table;
  if (wanted == "crypto/1") return crypto_service();
  if (wanted == "compress/1") return compress_service();
  if (wanted == "metrics/1") return &metrics_table;
  if (wanted == "log/1") return &log_table;
  if (wanted == "tracking/1") return tracking_service();
  if (wanted == "slow/1") return &slow_table;
  if (wanted == "submit/1") return submit_service();
  return nullptr;
}

}  // namespace cachecore_internal
