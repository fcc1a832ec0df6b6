// json_keys.h: what encoding and decoding of JSON must agree on about the keys of a map.
//
// Thread rule: pure functions.
#pragma once

#include <cachecore/value.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace cachecore_internal {

constexpr std::string_view bytes_marker = "$bytes";
constexpr std::string_view map_marker = "$map";
constexpr std::string_view error_marker = "$error";
constexpr std::string_view error_status_key = "status";
constexpr std::string_view error_message_key = "message";

inline bool is_marker(std::string_view key) noexcept {
  return key == bytes_marker || key == map_marker || key == error_marker;
}

inline std::string_view bytes_of(const cachecore_value &value) noexcept {
  return {value.as.bytes.data, value.as.bytes.size};
}

// The later one of two equal keys of a map whose keys are all BYTES, or null. Large maps are sorted by hash, and by
// content where hashes agree, so that no choice of keys makes it slow.
inline const cachecore_value *find_duplicate_key(const cachecore_pair *pairs, size_t count) {
  constexpr size_t few = 16;
  if (count <= few) {
    for (size_t i = 1; i < count; i++) {
      for (size_t k = 0; k < i; k++) {
        if (bytes_of(pairs[i].key) == bytes_of(pairs[k].key)) return &pairs[i].key;
      }
    }
    return nullptr;
  }
  struct hashed_key {
    size_t hash;
    const cachecore_value *key;
  };
  std::vector<hashed_key> keys(count);
  for (size_t i = 0; i < count; i++) {
    keys[i] = {std::hash<std::string_view>{}(bytes_of(pairs[i].key)), &pairs[i].key};
  }
  std::sort(keys.begin(), keys.end(), [](const hashed_key &a, const hashed_key &b) {
    return a.hash != b.hash ? a.hash < b.hash : bytes_of(*a.key) < bytes_of(*b.key);
  });
  for (size_t i = 1; i < count; i++) {
    if (keys[i - 1].hash == keys[i].hash && bytes_of(*keys[i - 1].key) == bytes_of(*keys[i].key)) {
      return std::max(keys[i - 1].key, keys[i].key);
    }
  }
  return nullptr;
}

}  // namespace cachecore_internal
