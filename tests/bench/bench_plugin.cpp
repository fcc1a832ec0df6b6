// bench_plugin.cpp: the least a plugin can do: what a call of it costs is what a call costs.
#include <cachecore/plugin.hpp>

namespace {

using namespace cachecore::plugin;
using namespace cachecore::plugin::spec;

class bench {
 public:
  explicit bench(host & /*host*/) {}
  task<int64_t> add(call & /*call*/, int64_t left, int64_t right) { co_return left + right; }
};

constexpr about bench_about{
    .name = "bench", .version = "1.0", .license = "MIT", .summary = "What a call costs.", .needs = {}};

constexpr auto bench_methods = declare(method<&bench::add>("add", "Adds.", "INT", read_only | idempotent,
                                                           count("left", "A number."), count("right", "Another.")));

}  // namespace

CACHECORE_PLUGIN(bench, bench_about, bench_methods)
