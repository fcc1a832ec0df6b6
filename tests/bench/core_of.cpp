#include "core_of.h"

#include "bench.h"

namespace bench {

void check(cachecore_status status, const cachecore_error &error, const char *what) {
  if (status != CACHECORE_OK) test_die("%s: %s: %s", what, cachecore_status_name(status), error.message);
}

core_ptr open_core(const std::string &url) {
  cachecore_options options;
  cachecore_options_init(&options);
  if (!url.empty()) options.url = url.c_str();
  cachecore *core = nullptr;
  cachecore_error error;
  check(cachecore_init(&options, &core, &error), error, "init");
  return core_ptr(core);
}

const cachecore_method *find(cachecore *core, const char *name) {
  const cachecore_method *method = nullptr;
  cachecore_error error;
  check(cachecore_method_find(core, name, &method, &error), error, name);
  return method;
}

void get_once(cachecore *core, const cachecore_method *get) {
  const cachecore_value key = cachecore_bytes(bench_key.data(), bench_key.size());
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_call(core, get, &key, 1, 0, &result, &error), error, "kv.get");
  if (cachecore_result_value(result)->as.bytes.size != bench_value_size) test_die("kv.get: a wrong value");
  cachecore_result_free(result);
}

}  // namespace bench
