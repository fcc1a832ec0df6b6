// replay.h: one trace through many caches, in one pass.
//
// Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "policy.h"
#include "trace.h"

namespace simulate {

struct outcome {
  std::string policy;
  uint64_t capacity = 0;
  uint64_t requests = 0;
  uint64_t hits = 0;
  uint64_t bytes = 0;
  uint64_t hit_bytes = 0;

  [[nodiscard]] double hit_ratio() const noexcept;
  [[nodiscard]] double byte_hit_ratio() const noexcept;
};

// Each policy with each capacity, in this order. Throws trace_error.
std::vector<outcome> replay(trace &requests, const std::vector<const known_policy *> &policies,
                            const std::vector<capacity> &capacities);

}  // namespace simulate
