#include "core/runtime/result.h"

#include <new>

namespace cachecore_internal {

cachecore_result *make_result() {
  memory_block *block = acquire_block(arena::common_capacity);
  block->used = static_cast<uint32_t>((sizeof(cachecore_result) + 15) & ~size_t{15});
  auto *made = new (block + 1) cachecore_result;  // no (): it would be zeroed first
  made->memory.begin(block);
  return made;
}

void free_result(cachecore_result *result) noexcept {
  if (result == nullptr) return;
  release_blocks(result->memory.detach());
}

cachecore_result *make_failed_result(cachecore_status status, const cachecore_error *error) {
  cachecore_result *made = make_result();
  try {
    made->status = status;
    made->error = made->memory.allocate_array<cachecore_error>(1);
    if (error != nullptr) {
      *made->error = *error;
    } else {
      *made->error = cachecore_error{};
    }
    made->error->status = status;
  } catch (...) {
    free_result(made);
    throw;
  }
  return made;
}

}  // namespace cachecore_internal
