#include "core/values/utf8.h"

#include <cstdint>
#include <cstring>

namespace cachecore_internal {
namespace {

bool is_continuation(unsigned char byte) noexcept { return (byte & 0xC0u) == 0x80u; }

// The size of the character at `p`, or 0 when it is none. The second byte alone tells overlong forms, surrogates and
// what lies above U+10FFFF from the rest (Unicode standard, table 3-7).
size_t character_size(const unsigned char *p, size_t left) noexcept {
  const unsigned char lead = p[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  if (lead < 0xE0) return left >= 2 && is_continuation(p[1]) ? 2 : 0;
  if (lead < 0xF0) {
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : 0xBF;
    return left >= 3 && p[1] >= low && p[1] <= high && is_continuation(p[2]) ? 3 : 0;
  }
  const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;
  return left >= 4 && p[1] >= low && p[1] <= high && is_continuation(p[2]) && is_continuation(p[3]) ? 4 : 0;
}

}  // namespace

size_t utf8_prefix(std::string_view bytes) noexcept {
  const auto *data = reinterpret_cast<const unsigned char *>(bytes.data());
  const size_t size = bytes.size();
  size_t at = 0;
  while (at < size) {
    uint64_t word = 0;
    if (size - at >= sizeof(word)) {
      std::memcpy(&word, data + at, sizeof(word));
      if ((word & 0x8080808080808080u) == 0) {
        at += sizeof(word);
        continue;
      }
    }
    const size_t character = character_size(data + at, size - at);
    if (character == 0) return at;
    at += character;
  }
  return at;
}

}  // namespace cachecore_internal
