// rejection.h: how configuration says no.
//
// Everything rejected here is INVALID_ARGUMENT. What is quoted of the input is shortened and made printable; text that
// can hold a secret (an URL, a password, the content of a file) is never quoted at all.
//
// Thread rule: functions are reentrant.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace cachecore_internal {

// Throws failure(INVALID_ARGUMENT, the parts joined).
[[noreturn]] void reject(std::initializer_list<std::string_view> parts);

// `text` in quotation marks, at most 40 bytes of it, bytes that are not printable ASCII as '?'. Text with an '@' is not
// shown: whoever puts a URL where none belongs may have put a password there too.
std::string quoted(std::string_view text);

// The rest of a sentence about an unknown name: `: did you mean "url"?` when one of `known` is near, else `: known are
// a, b, c`.
std::string nearest_or_all(std::string_view unknown, std::span<const std::string_view> known);

}  // namespace cachecore_internal
