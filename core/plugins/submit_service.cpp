#include "core/plugins/submit_service.h"

#include <cachecore/completions.h>

#include "core/api/guard.h"
#include "core/core.h"
#include "core/plugins/registry.h"
#include "core/runtime/call.h"
#include "core/runtime/process.h"

namespace cachecore_internal {
namespace {

// A stay that never waits for the gate.
class short_visit {
 public:
  explicit short_visit(cachecore_handle &core) noexcept : core_(core), status_(core.enter_if_open()) {}
  ~short_visit() {
    if (status_ == CACHECORE_OK) core_.leave();
  }
  short_visit(const short_visit &) = delete;
  short_visit &operator=(const short_visit &) = delete;

  [[nodiscard]] cachecore_status status() const noexcept { return status_; }
  cachecore_status explain(cachecore_error *error) const noexcept {
    return set_error(error, status_,
                     status_ == CACHECORE_UNAVAILABLE ? "the core is being reset"
                     : status_ == CACHECORE_CLOSED    ? "the core is being closed"
                                                      : "this process inherited the core by fork");
  }

 private:
  cachecore_handle &core_;
  const cachecore_status status_;
};

cachecore_status completions_create(const cachecore_host *host, cachecore_completions **out, cachecore_error *error) {
  *out = nullptr;
  return guarded(error, [&] { *out = make_completions(plugin_record::of(host).core); });
}

cachecore_status submit(const cachecore_host *host, const cachecore_method *method, const cachecore_value *args,
                        size_t count, int64_t timeout_ms, cachecore_completions *queue, uint64_t user_data,
                        uint64_t *operation, cachecore_error *error) {
  cachecore_handle &core = plugin_record::of(host).core;
  const short_visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  return guarded_call(error, [&] {
    return submit_method(core, *method, args, count, timeout_ms, *queue, user_data, operation, error);
  });
}

cachecore_status cancel(const cachecore_host *host, uint64_t operation, cachecore_error *error) {
  cachecore_handle &core = plugin_record::of(host).core;
  const short_visit inside(core);
  if (inside.status() != CACHECORE_OK) return inside.explain(error);
  return guarded(error, [&] {
    if (core.running->events().started()) core.running->cancel(operation);
  });
}

uint32_t method_flags(const cachecore_method *method) { return method->flags; }

const cachecore_parameter_spec *const *method_parameters(const cachecore_method *method, size_t *count) {
  *count = method->parameters.size();
  return method->parameters.data();
}

void each_method(const cachecore_host *host,
                 void (*visit)(void *state, const char *name, const cachecore_method *method), void *state) {
  for (const plugin_record *plugin : plugin_record::of(host).core.plugins.all()) {
    for (const auto &method : plugin->methods) visit(state, method->name.c_str(), method.get());
  }
}

const cachecore_submit_service table = {sizeof(cachecore_submit_service),
                                        completions_create,
                                        cachecore_completions_fd,
                                        cachecore_completions_drain,
                                        cachecore_completions_destroy,
                                        submit,
                                        cancel,
                                        cachecore_result_value,
                                        cachecore_result_error,
                                        cachecore_result_free,
                                        method_flags,
                                        method_parameters,
                                        each_method,
                                        cachecore_json_encode,
                                        cachecore_json_decode};

}  // namespace

const cachecore_submit_service *submit_service() noexcept { return &table; }

}  // namespace cachecore_internal
