// token_text.h: how tokens, handles and tickets are written.
//
//     cc_a_Gq0hV...     <prefix>_<letter>_<base64url of a payload and its checksum, without padding>
//
// The prefix says to people and to scanners of secrets what it is. The letter is the kind, and the kind fixes the size.
// The checksum is CRC-32 over all that stands before it, prefix and letter included, so that a slip of a finger or a
// text cut short is told apart without asking anybody. It is no protection: what a text opens is decided by its secret.
//
// Every payload begins with the user's bucket, which says in which slot of a cluster the rest lies:
//
//     letter  kind                                  payload
//     a       token, or access token of a pair      bucket, 32 random bytes
//     r       refresh token                         bucket, 16 random bytes of the family, 32 random bytes
//     t p f   handle of a token, of one that its    bucket, selector (digests.h)
//             caller made, of a pair
//     k       ticket                                bucket, time, marker, user (tickets are written in issuing.cpp)
//
// A text has one spelling: bits that base64 leaves unused must be 0.
//
// Thread rule: immutable once made.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace auth_plugin {

enum class letter : char {
  access = 'a',
  refresh = 'r',
  token_handle = 't',
  callers_handle = 'p',
  family_handle = 'f',
  ticket = 'k',
};

inline constexpr size_t bucket_size = 2;
inline constexpr size_t secret_size = 32;
inline constexpr size_t family_size = 16;
inline constexpr size_t selector_size = 16;
inline constexpr size_t ticket_size = 32;
inline constexpr size_t longest_payload = bucket_size + family_size + secret_size;

// How many bytes the payload of a kind has, 0 for what is no kind.
[[nodiscard]] size_t payload_size(letter kind) noexcept;

// Bytes as base64url without padding, behind what `out` has.
void append_base64url(std::string &out, std::span<const uint8_t> bytes);

// Fills `out` from exactly as many characters as it needs. False for other characters, sizes, and unused bits that are
// set.
[[nodiscard]] bool read_base64url(std::string_view text, std::span<uint8_t> out) noexcept;

class token_text {
 public:
  // `prefix` is 1 to 16 of a-z and 0-9.
  explicit token_text(std::string_view prefix);

  [[nodiscard]] std::string write(letter kind, std::span<const uint8_t> payload) const;

  enum class verdict : uint8_t {
    foreign,  // does not begin with the prefix: perhaps a token that a caller made
    broken,   // begins with it, and was never written by `write`
    whole,
  };
  struct parsed {
    verdict what = verdict::foreign;
    letter kind{};
    std::array<uint8_t, longest_payload> bytes{};

    [[nodiscard]] bool is(letter expected) const noexcept { return what == verdict::whole && kind == expected; }
    [[nodiscard]] std::span<const uint8_t> payload() const noexcept { return {bytes.data(), payload_size(kind)}; }
    [[nodiscard]] uint16_t bucket() const noexcept { return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]); }
  };
  [[nodiscard]] parsed parse(std::string_view text) const noexcept;

 private:
  std::string start_;  // the prefix and '_'
};

}  // namespace auth_plugin
