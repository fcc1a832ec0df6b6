// calls.cpp: what a call costs that needs no server.
#include "bench.h"
#include "core_of.h"

namespace bench {

namespace {

sides make_call(bool by_name) {
  const std::shared_ptr<cachecore> core = open_core("");
  cachecore_error error;
  check(cachecore_plugin_load(core.get(), BENCH_PLUGIN, nullptr, &error), error, "loading the bench's plugin");
  const cachecore_method *add = find(core.get(), "bench.add");
  const auto call = [core, add, by_name](int count) {
    const cachecore_value numbers[] = {cachecore_int(2), cachecore_int(3)};
    for (int i = 0; i < count; i++) {
      cachecore_result *result = nullptr;
      const cachecore_status status = by_name ? cachecore_invoke(core.get(), "bench.add", numbers, 2, &result, nullptr)
                                              : cachecore_call(core.get(), add, numbers, 2, 0, &result, nullptr);
      if (status != CACHECORE_OK || cachecore_result_value(result)->as.integer != 5) test_die("bench.add failed");
      cachecore_result_free(result);
    }
  };
  return {[call] { return run_for_a_while(call, 1000, 0); }, nullptr, core};
}

}  // namespace

std::vector<row> call_rows() {
  return {
      {"call.found", "budget 40 ns", quantity::ns_per_operation, 1.0, 40, true, [] { return make_call(false); }},
      {"call.by_name", "budget 60 ns", quantity::ns_per_operation, 1.0, 60, true, [] { return make_call(true); }},
  };
}

}  // namespace bench
