#include "core/values/base64.h"

#include <array>
#include <cstdint>

namespace cachecore_internal {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t not_a_digit = 0xFF;

constexpr std::array<uint8_t, 256> make_digits() {
  std::array<uint8_t, 256> digits{};
  digits.fill(not_a_digit);
  for (size_t i = 0; i < alphabet.size(); i++)
    digits[static_cast<unsigned char>(alphabet[i])] = static_cast<uint8_t>(i);
  return digits;
}

constexpr std::array<uint8_t, 256> digits = make_digits();

uint32_t digit(char c) noexcept { return digits[static_cast<unsigned char>(c)]; }

uint32_t byte(char c) noexcept { return static_cast<unsigned char>(c); }

}  // namespace

void base64_encode(std::string_view bytes, std::string &out) {
  const size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4);
  char *to = out.data() + begin;
  size_t at = 0;
  for (; bytes.size() - at >= 3; at += 3) {
    const uint32_t group = byte(bytes[at]) << 16 | byte(bytes[at + 1]) << 8 | byte(bytes[at + 2]);
    *to++ = alphabet[group >> 18];
    *to++ = alphabet[group >> 12 & 63];
    *to++ = alphabet[group >> 6 & 63];
    *to++ = alphabet[group & 63];
  }
  const size_t rest = bytes.size() - at;
  if (rest == 0) return;
  const uint32_t group = byte(bytes[at]) << 16 | (rest == 2 ? byte(bytes[at + 1]) << 8 : 0);
  *to++ = alphabet[group >> 18];
  *to++ = alphabet[group >> 12 & 63];
  *to++ = rest == 2 ? alphabet[group >> 6 & 63] : '=';
  *to = '=';
}

std::optional<size_t> base64_decode(std::string_view text, char *out) noexcept {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return 0;
  const size_t padding = text.back() != '=' ? 0 : (text[text.size() - 2] != '=' ? 1 : 2);
  const size_t whole = text.size() - (padding == 0 ? 0 : 4);
  char *to = out;
  for (size_t at = 0; at < whole; at += 4) {
    const uint32_t a = digit(text[at]), b = digit(text[at + 1]), c = digit(text[at + 2]), d = digit(text[at + 3]);
    if ((a | b | c | d) == not_a_digit) return std::nullopt;
    *to++ = static_cast<char>(a << 2 | b >> 4);
    *to++ = static_cast<char>(b << 4 | c >> 2);
    *to++ = static_cast<char>(c << 6 | d);
  }
  if (padding != 0) {
    const uint32_t a = digit(text[whole]), b = digit(text[whole + 1]), c = padding == 1 ? digit(text[whole + 2]) : 0;
    if ((a | b | c) == not_a_digit) return std::nullopt;
    const uint32_t unused = padding == 1 ? c & 3 : b & 15;
    if (unused != 0) return std::nullopt;
    *to++ = static_cast<char>(a << 2 | b >> 4);
    if (padding == 1) *to++ = static_cast<char>(b << 4 | c >> 2);
  }
  return static_cast<size_t>(to - out);
}

}  // namespace cachecore_internal
