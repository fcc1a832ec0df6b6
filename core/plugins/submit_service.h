// submit_service.h: calls from threads of plugins (service submit/1).
//
// Plugins are destroyed while the gate of their core is shut, and end their threads then: so nothing here waits at the
// gate.
#pragma once

#include <cachecore/plugin.h>

namespace cachecore_internal {

const cachecore_submit_service *submit_service() noexcept;

}  // namespace cachecore_internal
