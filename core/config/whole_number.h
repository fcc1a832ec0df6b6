// whole_number.h: numbers of URLs and variables.
//
// Thread rule: reentrant.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cachecore_internal {

// Reads digits, with a '-' before them or not, and nothing else. Nothing for more than 18 digits.
inline std::optional<int64_t> whole_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 18) return std::nullopt;
  int64_t number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + (digit - '0');
  }
  return negative ? -number : number;
}

}  // namespace cachecore_internal
