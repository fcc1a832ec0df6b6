// The extern "C" functions of core.h and completions.h: check pointers, pass the gate, turn exceptions into errors.
#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <new>
#include <string>

#include "core/api/guard.h"
#include "core/build_config.h"
#include "core/core.h"
#include "core/plugins/describe.h"
#include "core/runtime/call.h"
#include "core/runtime/process.h"
#include "core/values/json.h"
#include "core/wire/tls.h"

using namespace cachecore_internal;

namespace {

cachecore_status null_argument(cachecore_error *error, const char *name) {
  return set_error(error, CACHECORE_INVALID_ARGUMENT, std::string(name) + " must not be NULL");
}

cachecore_status find_method(const cachecore_handle &core, const char *name, const cachecore_method **out) {
  *out = core.plugins.find(name);
  if (*out != nullptr) return CACHECORE_OK;
  const std::string nearest = core.plugins.nearest(name);
  const std::string advice = core.plugins.advice(name);
  std::string message = "there is no method " + std::string(std::string_view(name).substr(0, 128));
  if (!nearest.empty()) message += "; did you mean " + nearest + "?";
  if (!advice.empty()) message += (nearest.empty() ? ": " : " If not, ") + advice;
  if (nearest.empty() && advice.empty()) message += ": see cachecore_describe, or load its plugin";
  throw failure(CACHECORE_NO_METHOD, message);
}

}  // namespace

// ---- Lifecycle ----

namespace {

// What is wrong with certificates shows at init rather than at the first call.
configuration complete(configuration loaded) {
  if (loaded.server.tls) loaded.secured_by = tls_context::make(loaded.tls);
  return loaded;
}

}  // namespace

extern "C" cachecore_status cachecore_init(const cachecore_options *options, cachecore_handle **out,
                                           cachecore_error *error) {
  if (out == nullptr) return null_argument(error, "out");
  *out = nullptr;
  return guarded(error, [&] {
    watch_forks();
    keep_openssl_until_exit();
    auto made = std::make_unique<cachecore_handle>(complete(load_configuration(options)));
    if (made->settings.server_is_default) {
      made->log.write(CACHECORE_LOG_WARNING, "no server is configured: using the private server of " +
                                                 made->settings.server.display() + "; set url or CACHECORE_URL");
    }
    const auto undo = [&] { made->close(); };
    try {
      made->load_configured_plugins();
      if (made->settings.ping_on_init) {
        const cachecore_method *ping = made->plugins.find("redis.ping");
        cachecore_error why{};
        const cachecore_status status = call_method(*made, *ping, nullptr, 0, 0, nullptr, &why);
        if (status != CACHECORE_OK) throw failure(status, std::string("ping_on_init: ") + why.message);
      }
    } catch (...) {
      undo();
      throw;
    }
    *out = made.release();
  });
}

extern "C" cachecore_status cachecore_reset(cachecore_handle *core, cachecore_error *error) {
  if (core == nullptr) return null_argument(error, "core");
  if (this_thread.step_depth > 0 || this_thread.log_depth > 0) {
    return set_error(error, CACHECORE_INVALID_STATE,
                     "cachecore_reset must not be called from a continuation or a log callback");
  }
  return guarded(error, [&] { core->reset(); });
}

extern "C" void cachecore_close(cachecore_handle *core) {
  if (core == nullptr) return;
  const bool inherited = core->generation.load(std::memory_order_relaxed) != fork_generation();
  core->close();
  if (!inherited) delete core;
}

extern "C" cachecore_status cachecore_plugin_load(cachecore_handle *core, const char *name_or_path,
                                                  const char *config_json, cachecore_error *error) {
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (name_or_path == nullptr) return null_argument(error, "name_or_path");
  return guarded(error, [&] { core->plugins.load(name_or_path, config_json); });
}

extern "C" cachecore_status cachecore_describe(cachecore_handle *core, cachecore_result **out, cachecore_error *error) {
  if (out != nullptr) *out = nullptr;
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (out == nullptr) return null_argument(error, "out");
  return guarded(error, [&] { *out = describe(*core); });
}

// ---- Calls ----

extern "C" cachecore_status cachecore_method_find(cachecore_handle *core, const char *name,
                                                  const cachecore_method **out, cachecore_error *error) {
  if (out != nullptr) *out = nullptr;
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (name == nullptr) return null_argument(error, "name");
  if (out == nullptr) return null_argument(error, "out");
  return guarded(error, [&] { find_method(*core, name, out); });
}

extern "C" cachecore_status cachecore_call(cachecore_handle *core, const cachecore_method *method,
                                           const cachecore_value *args, size_t arg_count, int64_t timeout_ms,
                                           cachecore_result **out, cachecore_error *error) {
  if (out != nullptr) *out = nullptr;
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (method == nullptr) return null_argument(error, "method");
  if (method->core != core)
    return set_error(error, CACHECORE_INVALID_ARGUMENT, method->name + ": this method was found in another core");
  return guarded_call(error, [&] { return call_method(*core, *method, args, arg_count, timeout_ms, out, error); });
}

extern "C" cachecore_status cachecore_invoke(cachecore_handle *core, const char *method, const cachecore_value *args,
                                             size_t arg_count, cachecore_result **out, cachecore_error *error) {
  if (out != nullptr) *out = nullptr;
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (method == nullptr) return null_argument(error, "method");
  return guarded_call(error, [&] {
    const cachecore_method *found = nullptr;
    find_method(*core, method, &found);
    return call_method(*core, *found, args, arg_count, 0, out, error);
  });
}

extern "C" void cachecore_set_interrupt(cachecore_interrupt_function function, void *context) {
  this_thread.question = {function, context};
}

// ---- Completion queues ----

extern "C" cachecore_status cachecore_completions_create(cachecore_handle *core, cachecore_completions **out,
                                                         cachecore_error *error) {
  if (out != nullptr) *out = nullptr;
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (out == nullptr) return null_argument(error, "out");
  return guarded(error, [&] { *out = make_completions(*core); });
}

extern "C" int cachecore_completions_fd(const cachecore_completions *queue) {
  if (queue == nullptr || queue->generation != fork_generation()) return -1;
  return queue->descriptor;
}

extern "C" size_t cachecore_completions_drain(cachecore_completions *queue, cachecore_completion *out, size_t max) {
  if (queue == nullptr || out == nullptr || max == 0 || queue->generation != fork_generation()) return 0;
  constexpr size_t batch = 64;
  cachecore_result *taken[batch];
  size_t total = 0;
  while (total < max) {
    const size_t count = take_results(*queue, taken, std::min(batch, max - total));
    for (size_t i = 0; i < count; i++) {
      cachecore_result *result = taken[i];
      out[total++] = {result->user_data, result->operation, result->status, result->flags, result};
    }
    if (count < batch) break;
  }
  return total;
}

extern "C" void cachecore_completions_destroy(cachecore_completions *queue) {
  if (queue == nullptr) return;
  if (queue->generation != fork_generation())
    return;  // inherited by fork: its mutex, fd and operations are the parent's
  cachecore_result *undrained = destroy_queue(*queue);
  {
    // The core, if it is still there, stays while this is held.
    const std::lock_guard<std::mutex> lock(queue_links());
    if (queue->core != nullptr) {
      queue->core->forget_queue(queue, undrained);
    } else {
      free_results(undrained);
    }
  }
  close_descriptor(queue->descriptor);
  queue->descriptor = -1;
  unref_queue(queue);
}

extern "C" cachecore_status cachecore_submit(cachecore_handle *core, const cachecore_method *method,
                                             const cachecore_value *args, size_t arg_count, int64_t timeout_ms,
                                             cachecore_completions *queue, uint64_t user_data, uint64_t *operation,
                                             cachecore_error *error) {
  if (operation != nullptr) *operation = 0;
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (method == nullptr) return null_argument(error, "method");
  if (queue == nullptr) return null_argument(error, "queue");
  if (method->core != core)
    return set_error(error, CACHECORE_INVALID_ARGUMENT, method->name + ": this method was found in another core");
  if (queue->generation != fork_generation()) {
    return set_error(error, CACHECORE_FORKED,
                     "this completion queue was inherited by fork: destroy it and create another");
  }
  if (queue->core_number != core->number) {
    return set_error(error, CACHECORE_INVALID_ARGUMENT, "this completion queue was made for another core");
  }
  return guarded_call(error, [&] {
    return submit_method(*core, *method, args, arg_count, timeout_ms, *queue, user_data, operation, error);
  });
}

extern "C" cachecore_status cachecore_cancel(cachecore_handle *core, uint64_t operation, cachecore_error *error) {
  const visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  if (operation == 0 || operation > core->operations.load(std::memory_order_relaxed)) {
    return set_error(error, CACHECORE_INVALID_ARGUMENT,
                     "operation " + std::to_string(operation) + " was never submitted to this core");
  }
  return guarded(error, [&] {
    if (core->running->events().started()) core->running->cancel(operation);
  });
}

// ---- Results ----

extern "C" const cachecore_value *cachecore_result_value(const cachecore_result *result) {
  return result == nullptr ? nullptr : &result->value;
}

extern "C" const cachecore_error *cachecore_result_error(const cachecore_result *result) {
  return result == nullptr ? nullptr : result->error;
}

extern "C" void cachecore_result_free(cachecore_result *result) { free_result(result); }

extern "C" cachecore_status cachecore_json_encode(const cachecore_value *value, cachecore_result **out,
                                                  cachecore_error *error) {
  if (out != nullptr) *out = nullptr;
  if (value == nullptr) return null_argument(error, "value");
  if (out == nullptr) return null_argument(error, "out");
  return guarded(error, [&] {
    std::string text;
    json_encode(*value, text);
    result_pointer made(make_result());
    made->value = made->memory.copy_bytes(text);
    *out = made.release();
  });
}

extern "C" cachecore_status cachecore_json_decode(const char *json, size_t size, cachecore_result **out,
                                                  cachecore_error *error) {
  if (out != nullptr) *out = nullptr;
  if (json == nullptr) return null_argument(error, "json");
  if (out == nullptr) return null_argument(error, "out");
  return guarded(error, [&] {
    result_pointer made(make_result());
    try {
      made->value = json_decode(std::string_view(json, size), made->memory);
    } catch (const failure &fault) {
      throw failure(fault.status(), "cachecore_json_decode: the text " + fault.message());
    }
    *out = made.release();
  });
}

// ---- Names ----

extern "C" const char *cachecore_version(void) { return CACHECORE_VERSION; }

extern "C" const char *cachecore_status_name(cachecore_status status) {
  static const char *const errors[] = {"OK",          "INVALID_ARGUMENT", "INVALID_STATE", "FORKED",    "CLOSED",
                                       "NO_METHOD",   "NO_PLUGIN",        "INCOMPATIBLE",  "TIMEOUT",   "CANCELLED",
                                       "UNAVAILABLE", "UNCERTAIN",        "REJECTED",      "DENIED",    "CONFLICT",
                                       "BUSY",        "CORRUPT",          "LOADER_FAILED", "NO_MEMORY", "INTERNAL"};
  if (status == CACHECORE_NOT_FOUND) return "NOT_FOUND";
  if (status > 0 || status < CACHECORE_INTERNAL) return "UNKNOWN";
  return errors[-status];
}
