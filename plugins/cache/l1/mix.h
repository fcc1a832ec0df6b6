// mix.h: the 32 bits of a hash that a copy keeps, spread over 64.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>

namespace cache_plugin {

[[nodiscard]] inline uint64_t near_mix(uint32_t hash) noexcept {
  uint64_t mixed = hash * uint64_t{0x9e3779b97f4a7c15};
  mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93;
  return mixed ^ (mixed >> 32);
}

}  // namespace cache_plugin
