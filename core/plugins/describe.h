// describe.h: the plugins as a value, for bindings and people.
#pragma once

#include "core/runtime/result.h"

struct cachecore_handle;

namespace cachecore_internal {

// See cachecore_describe. Throws std::bad_alloc.
cachecore_result *describe(const cachecore_handle &core);

}  // namespace cachecore_internal
