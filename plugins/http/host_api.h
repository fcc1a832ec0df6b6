// host_api.h: what a plugin sees of the core, and completions as a program sees them.
#pragma once

#if !defined(CACHECORE_NAMESPACE)
#define CACHECORE_NAMESPACE  // `cachecore` is the namespace of plugin.hpp here, not C's short name of a core
#endif
#include <cachecore/completions.h>
#include <cachecore/plugin.hpp>

namespace http_plugin {

using namespace cachecore::plugin;

}  // namespace http_plugin
