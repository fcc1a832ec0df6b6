#include "failure.h"

namespace cachectl {

exit_code exit_code_of(cachecore_status status) noexcept {
  switch (status) {
    case CACHECORE_OK:
      return exit_ok;
    case CACHECORE_NOT_FOUND:
      return exit_not_found;
    case CACHECORE_INVALID_ARGUMENT:
    case CACHECORE_NO_METHOD:
    case CACHECORE_NO_PLUGIN:
      return exit_usage;
    case CACHECORE_UNAVAILABLE:
    case CACHECORE_TIMEOUT:
      return exit_unavailable;
    case CACHECORE_REJECTED:
    case CACHECORE_DENIED:
    case CACHECORE_CONFLICT:
    case CACHECORE_BUSY:
      return exit_refused;
    default:
      return exit_other;
  }
}

}  // namespace cachectl
