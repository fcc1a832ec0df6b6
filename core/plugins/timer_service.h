// timer_service.h: waiting for time and for each other (service timer/1).
#pragma once

#include <cachecore/plugin.h>

namespace cachecore_internal {

const cachecore_timer_service *timer_service() noexcept;

}  // namespace cachecore_internal
