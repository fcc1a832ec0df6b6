#include "scripts.h"

#include <algorithm>
#include <array>

#include "acquire.lua.h"
#include "check.lua.h"
#include "fence.lua.h"
#include "force.lua.h"
#include "release.lua.h"
#include "renew.lua.h"
#include "state.lua.h"
#include "status.lua.h"

namespace lock_plugin::scripts {

namespace {

// Put together by the compiler: they live as long as the plugin's code, whatever still runs while the process ends.
template <size_t... Sizes>
constexpr auto join(const char (&...parts)[Sizes]) {
  std::array<char, (Sizes + ...) - sizeof...(Sizes) + 1> out{};
  auto end = out.begin();
  ((end = std::copy_n(parts, Sizes - 1, end)), ...);
  return out;
}

template <size_t Size>
constexpr cachecore_script script_of(const std::array<char, Size> &source) {
  return {sizeof(cachecore_script), source.data(), Size - 1};
}

constexpr auto acquire_source = join(state_lua, acquire_lua);
constexpr auto check_source = join(state_lua, check_lua);
constexpr auto fence_source = join(state_lua, fence_lua);
constexpr auto force_source = join(state_lua, force_lua);
constexpr auto release_source = join(state_lua, release_lua);
constexpr auto renew_source = join(renew_lua);
constexpr auto status_source = join(status_lua);

constexpr cachecore_script acquire_script = script_of(acquire_source);
constexpr cachecore_script check_script = script_of(check_source);
constexpr cachecore_script fence_script = script_of(fence_source);
constexpr cachecore_script force_script = script_of(force_source);
constexpr cachecore_script release_script = script_of(release_source);
constexpr cachecore_script renew_script = script_of(renew_source);
constexpr cachecore_script status_script = script_of(status_source);

}  // namespace

const cachecore_script &acquire() { return acquire_script; }
const cachecore_script &check() { return check_script; }
const cachecore_script &fence() { return fence_script; }
const cachecore_script &force() { return force_script; }
const cachecore_script &release() { return release_script; }
const cachecore_script &renew() { return renew_script; }
const cachecore_script &status() { return status_script; }

}  // namespace lock_plugin::scripts
