// base64.h: base64 (RFC 4648, section 4), strict both ways.
//
// Decoding takes exactly what encoding makes: padded, without white space, unused bits zero. So equal bytes have one
// text.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cachecore_internal {

// Appends the base64 text of `bytes`.
void base64_encode(std::string_view bytes, std::string &out);

// The most bytes a text of `size` characters can stand for.
constexpr size_t base64_decoded_bound(size_t size) noexcept { return size / 4 * 3; }

// Writes the bytes `text` stands for and returns how many; nothing when it is not base64. `out` has room for
// base64_decoded_bound bytes and may be the memory of `text` itself.
std::optional<size_t> base64_decode(std::string_view text, char *out) noexcept;

}  // namespace cachecore_internal
