// scripts.h: the Lua scripts, each with state.lua in front where it needs it.
#pragma once

#include <cachecore/plugin.h>

namespace lock_plugin::scripts {

[[nodiscard]] const cachecore_script &acquire();
[[nodiscard]] const cachecore_script &check();
[[nodiscard]] const cachecore_script &fence();
[[nodiscard]] const cachecore_script &force();
[[nodiscard]] const cachecore_script &release();
[[nodiscard]] const cachecore_script &renew();
[[nodiscard]] const cachecore_script &status();

}  // namespace lock_plugin::scripts
