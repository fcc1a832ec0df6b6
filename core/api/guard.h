// guard.h: where exceptions end. Nothing but a status and a cachecore_error leaves an extern "C" function.
#pragma once

#include <cachecore/error.h>

#include <memory>
#include <new>

#include "core/failure.h"
#include "core/runtime/result.h"

namespace cachecore_internal {

// Runs `function`, which returns a status and has written the error itself.
template <class Function>
cachecore_status guarded_call(cachecore_error *error, Function function) noexcept {
  try {
    return function();
  } catch (const failure &fault) {
    return set_error(error, fault.status(), fault.message());
  } catch (const std::bad_alloc &) {
    return set_error(error, CACHECORE_NO_MEMORY, "out of memory");
  } catch (const std::exception &fault) {
    return set_error(error, CACHECORE_INTERNAL, fault.what());
  } catch (...) {
    return set_error(error, CACHECORE_INTERNAL, "an unknown exception");
  }
}

// Runs `function`, which succeeds unless it throws.
template <class Function>
cachecore_status guarded(cachecore_error *error, Function function) noexcept {
  return guarded_call(error, [&] {
    function();
    return clear_error(error);
  });
}

struct result_deleter {
  void operator()(cachecore_result *result) const noexcept { free_result(result); }
};
using result_pointer = std::unique_ptr<cachecore_result, result_deleter>;

}  // namespace cachecore_internal
