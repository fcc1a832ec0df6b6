// core_handle.h: owners of what the C ABI hands out.
//
// The command line uses the library through its public headers alone, as any program would.
//
// Thread rule: main thread only.
#pragma once

#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <memory>
#include <string>
#include <string_view>

namespace cachectl {

struct global_options;

struct core_closer {
  void operator()(cachecore *core) const noexcept { cachecore_close(core); }
};
struct result_freer {
  void operator()(cachecore_result *result) const noexcept { cachecore_result_free(result); }
};
struct completions_destroyer {
  void operator()(cachecore_completions *queue) const noexcept { cachecore_completions_destroy(queue); }
};

using core_pointer = std::unique_ptr<cachecore, core_closer>;
using result_pointer = std::unique_ptr<cachecore_result, result_freer>;
using completions_pointer = std::unique_ptr<cachecore_completions, completions_destroyer>;

// All of these throw a failure with what the library said.
core_pointer open_core(const global_options &options);
// A core without plugins or server, for methods of the namespace `core` that need neither.
core_pointer open_bare_core();
result_pointer describe(cachecore *core);
const cachecore_method *find_method(cachecore *core, const std::string &name);
completions_pointer make_completions(cachecore *core);
result_pointer decode_json(std::string_view text);
std::string encode_json(const cachecore_value &value);

}  // namespace cachectl
