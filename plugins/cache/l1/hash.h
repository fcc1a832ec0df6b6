// hash.h: a key's hash: 64 bits, all of them well mixed, another for every seed.
//
// Words of the key are folded by multiplication (the high and low half of a 128-bit product, exclusive or), as wyhash
// and Abseil do: a few nanoseconds for a key of tens of bytes. With a random seed nobody outside can choose keys that
// collide.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace cache_plugin {

namespace near_hash_detail {

__extension__ using product = unsigned __int128;

inline uint64_t fold(uint64_t a, uint64_t b) noexcept {
  const product whole = static_cast<product>(a) * b;
  return static_cast<uint64_t>(whole) ^ static_cast<uint64_t>(whole >> 64);
}

template <typename Word>
inline uint64_t read(const char *at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

}  // namespace near_hash_detail

[[nodiscard]] inline uint64_t near_hash(std::string_view key, uint64_t seed) noexcept {
  using namespace near_hash_detail;
  constexpr uint64_t a = 0x9e3779b97f4a7c15;
  constexpr uint64_t b = 0xd6e8feb86659fd93;
  constexpr uint64_t c = 0xa0761d6478bd642f;
  const char *at = key.data();
  size_t left = key.size();
  uint64_t state = fold(seed ^ a, left ^ b);
  for (; left > 16; left -= 16, at += 16) {
    state = fold(read<uint64_t>(at) ^ state ^ a, read<uint64_t>(at + 8) ^ b ^ seed);
  }
  uint64_t first = 0;
  uint64_t second = 0;
  if (left >= 8) {
    first = read<uint64_t>(at);
    second = read<uint64_t>(at + left - 8);
  } else if (left >= 4) {
    first = read<uint32_t>(at);
    second = read<uint32_t>(at + left - 4);
  } else if (left > 0) {
    first = static_cast<unsigned char>(at[0]);
    second = uint64_t{static_cast<unsigned char>(at[left / 2])} << 8 | static_cast<unsigned char>(at[left - 1]);
  }
  state = fold(first ^ state ^ b, second ^ c ^ seed);
  return fold(state ^ c, a);
}

}  // namespace cache_plugin
