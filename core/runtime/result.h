// result.h: what a call came to; the owner of its memory.
//
// A result stands at the start of its own arena: freeing the arena's chain frees it. While its invocation runs, the
// result is that invocation's memory; afterwards it belongs to the caller, or waits in a completion queue, whose node
// it is.
#pragma once

#include <cachecore/completions.h>

#include "core/runtime/arena.h"

namespace cachecore_internal {
struct item_stream;
}

struct cachecore_result {
  cachecore_internal::arena memory;
  cachecore_value value{};
  cachecore_error *error = nullptr;  // in `memory`
  cachecore_status status = CACHECORE_OK;

  // In a completion queue.
  cachecore_result *next = nullptr;
  cachecore_result *previous = nullptr;
  cachecore_internal::item_stream *stream = nullptr;  // of an item: whose it is
  cachecore_result *next_item = nullptr;              // the next undelivered item of that stream
  uint64_t user_data = 0;
  uint64_t operation = 0;
  uint32_t flags = 0;
  const cachecore_method *method = nullptr;  // whose undo takes back what nobody drains
};

namespace cachecore_internal {

// Throws std::bad_alloc.
cachecore_result *make_result();
void free_result(cachecore_result *result) noexcept;

// A result that says why; falls back to a smaller message when memory is short. Throws std::bad_alloc.
cachecore_result *make_failed_result(cachecore_status status, const cachecore_error *error);

}  // namespace cachecore_internal
