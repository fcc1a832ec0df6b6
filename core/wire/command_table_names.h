// command_table_names.h: finding names of commands without regard to case, eight letters at a time.
//
// A name is read as words of eight bytes, made lower case at once; the words are hashed and compared. The index over
// the names of the table is built by the compiler, which reads bytes one by one instead.
//
// Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace cachecore_internal {

static_assert(std::endian::native == std::endian::little,
              "words are read as the compiler builds them: lowest byte first");

// Up to eight bytes, the first one lowest; absent ones are 0.
constexpr uint64_t name_word(const char *bytes, size_t size) noexcept {
  uint64_t word = 0;
  if (std::is_constant_evaluated()) {
    for (size_t i = 0; i < size && i < 8; i++) word |= uint64_t{static_cast<unsigned char>(bytes[i])} << 8 * i;
    return word;
  }
  if (size >= 8) {
    std::memcpy(&word, bytes, 8);
  } else if (size >= 4) {  // two halves that may overlap in equal bytes
    uint32_t low = 0, high = 0;
    std::memcpy(&low, bytes, 4);
    std::memcpy(&high, bytes + size - 4, 4);
    word = low | uint64_t{high} << 8 * (size - 4);
  } else if (size > 0) {
    word = uint64_t{static_cast<unsigned char>(bytes[0])} |
           uint64_t{static_cast<unsigned char>(bytes[size / 2])} << 8 * (size / 2) |
           uint64_t{static_cast<unsigned char>(bytes[size - 1])} << 8 * (size - 1);
  }
  return word;
}

// ASCII capitals of the eight bytes made small, all other bytes left alone.
constexpr uint64_t lower_word(uint64_t word) noexcept {
  constexpr uint64_t each = 0x0101010101010101u;
  const uint64_t low_bits = word & each * 0x7F;
  const uint64_t above_z = low_bits + each * (0x7F - 'Z');
  const uint64_t from_a = low_bits + each * (0x80 - 'A');
  const uint64_t capital = (from_a ^ above_z) & ~word & each * 0x80;
  return word | capital >> 2;
}

// Calls `use` with each word of the name in lower case until it returns false; false then.
template <class F>
constexpr bool each_name_word(std::string_view name, F use) noexcept {
  const char *at = name.data();
  size_t left = name.size();
  while (true) {
    if (!use(lower_word(name_word(at, left)))) return false;
    if (left <= 8) return true;
    at += 8;
    left -= 8;
  }
}

// Mixes a name into `seed`, which is 0 or the hash of what stands before it.
constexpr uint64_t hash_name(std::string_view name, uint64_t seed) noexcept {
  uint64_t hash = seed + name.size();
  each_name_word(name, [&](uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
    return true;
  });
  return hash;
}

// Whether `name` is `lower` but for its case.
constexpr bool same_name(std::string_view name, std::string_view lower) noexcept {
  if (name.size() != lower.size()) return false;
  const char *other = lower.data();
  size_t left = lower.size();
  return each_name_word(name, [&](uint64_t word) {
    if (word != name_word(other, left)) return false;
    other += 8;
    left -= std::min<size_t>(left, 8);
    return true;
  });
}

}  // namespace cachecore_internal
