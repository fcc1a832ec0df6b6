// scripts.h: the Lua scripts, each with state.lua in front where it needs it.
//
// Made at first use and never freed, since calls may be under way while the process exits.
#pragma once

#include <cachecore/plugin.h>

#include <string>

namespace lock_plugin::scripts {

[[nodiscard]] const cachecore_script &acquire();
[[nodiscard]] const cachecore_script &check();
[[nodiscard]] const cachecore_script &fence();
[[nodiscard]] const cachecore_script &force();
[[nodiscard]] const cachecore_script &release();
[[nodiscard]] const cachecore_script &renew();
[[nodiscard]] const cachecore_script &status();

}  // namespace lock_plugin::scripts
