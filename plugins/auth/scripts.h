// scripts.h: scripts/*.lua as the core takes them.
#pragma once

#include <cachecore/plugin.hpp>

#include "drop.lua.h"

namespace auth_plugin {

template <size_t N>
[[nodiscard]] constexpr cachecore_script script_of(const char (&source)[N]) noexcept {
  return {sizeof(cachecore_script), source, N - 1};
}

// A script with drop.lua before it.
template <size_t N>
struct with_drop {
  static constexpr size_t head = sizeof(drop_lua) - 1;
  char source[head + N]{};

  constexpr explicit with_drop(const char (&body)[N]) noexcept {
    for (size_t i = 0; i < head; i++) source[i] = drop_lua[i];
    for (size_t i = 0; i < N; i++) source[head + i] = body[i];
  }
};

}  // namespace auth_plugin
