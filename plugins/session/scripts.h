// scripts.h: the scripts as the host takes them. Each but plain.lua stands on sessions.lua, which is put before it
// here.
#pragma once

#include <cachecore/plugin.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "sessions.lua.h"

namespace session_plugin {

template <size_t Size>
class joined_script {
 public:
  explicit constexpr joined_script(const char (&own)[Size]) {
    std::copy_n(sessions_lua, sizeof(sessions_lua) - 1, source_.begin());
    std::copy_n(own, Size, source_.begin() + sizeof(sessions_lua) - 1);
  }
  [[nodiscard]] constexpr const char *source() const { return source_.data(); }
  [[nodiscard]] constexpr size_t size() const { return source_.size() - 1; }

 private:
  std::array<char, sizeof(sessions_lua) - 1 + Size> source_{};
};

template <size_t Size>
constexpr cachecore_script script_of(const joined_script<Size> &joined) {
  return {sizeof(cachecore_script), joined.source(), joined.size()};
}

}  // namespace session_plugin
