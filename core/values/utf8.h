// utf8.h: what is text.
//
// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. NUL is a character like any other.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace cachecore_internal {

// The size of the longest beginning of `bytes` that is UTF-8 and ends at a whole character.
size_t utf8_prefix(std::string_view bytes) noexcept;

inline bool is_utf8(std::string_view bytes) noexcept { return utf8_prefix(bytes) == bytes.size(); }

}  // namespace cachecore_internal
