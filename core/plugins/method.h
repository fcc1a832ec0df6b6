// method.h: a method as the core keeps it. Made when its plugin is loaded, freed at close; the pointer callers hold.
#pragma once

#include <cachecore/core.h>
#include <cachecore/plugin.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/runtime/executor.h"
#include "core/runtime/shards.h"

namespace cachecore_internal {

class plugin_record;

// Counters of one method, spread so that callers do not contend.
struct method_counters {
  static constexpr int bucket_count = 28;  // of latency: bucket i counts calls of less than 2^i microseconds
  struct alignas(64) shard {
    std::atomic<uint64_t> calls{0};
    std::atomic<uint64_t> errors{0};
    std::atomic<uint64_t> timed{0};  // calls whose latency was measured: those that waited for something
    std::atomic<uint64_t> total_ns{0};
    std::atomic<uint64_t> buckets[bucket_count]{};
  };
  shard shards[shard_count];
};

// Copies of parameter specs, with their fields, at the size this library knows.
class spec_copies {
 public:
  const cachecore_parameter_spec *copy(const cachecore_parameter_spec &original, int depth = 0);
  // NULL-ended; null for null.
  const cachecore_parameter_spec *const *copy_all(const cachecore_parameter_spec *const *originals, int depth = 0);

 private:
  std::deque<cachecore_parameter_spec> specs_;
  std::deque<std::vector<const cachecore_parameter_spec *>> lists_;
};

}  // namespace cachecore_internal

// The specs as the core reads them: copies of full size, since an older plugin's are shorter.
struct cachecore_method {
  std::string name;  // "kv.get"
  std::string doc;
  std::string returns;
  cachecore_method_function start = nullptr;
  cachecore_method_function undo = nullptr;
  cachecore_internal::plugin_record *plugin = nullptr;
  const cachecore_handle *core = nullptr;
  std::vector<const cachecore_parameter_spec *> parameters;
  uint32_t flags = 0;
  cachecore_internal::spec_copies copies;  // owns what `parameters` points to
  int32_t wait_parameter = -1;             // index of the one flagged WAIT
  // The instance of the current engine's plugin; set before any call can come.
  std::atomic<void *> instance{nullptr};
  std::atomic<bool> unusable{false};  // its plugin could not be made anew at a reset
  cachecore_internal::method_counters counters;
};
