// digests.h: what the server knows of a secret.
//
// Of every token, and of every family, only the SHA-256 of its text is kept, in two halves: the selector finds the
// record (it is part of a key), the verifier is compared, in constant time, with what the record holds. So nothing
// about a secret can be learned from how long a look-up takes: who sends a text of their own choice cannot choose its
// digest, and the half that is compared leaks nothing.
#pragma once

#include <cachecore/plugin.hpp>

#include <string>

#include "token_text.h"

namespace auth_plugin {

using namespace cachecore::plugin;

using digest = std::array<uint8_t, 32>;

[[nodiscard]] inline std::string_view bytes_of(std::span<const uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

// As part of a key: 22 characters of base64url.
[[nodiscard]] std::string selector_text(std::span<const uint8_t> selector);

struct secret_digest {
  digest whole;

  [[nodiscard]] std::span<const uint8_t> selector_bytes() const noexcept { return std::span(whole).first(16); }
  [[nodiscard]] std::string selector() const { return selector_text(selector_bytes()); }
  [[nodiscard]] std::string_view verifier() const noexcept { return bytes_of(std::span(whole).last(16)); }
  [[nodiscard]] std::string_view all() const noexcept { return bytes_of(whole); }
};

// Of a token as it is shown.
[[nodiscard]] secret_digest digest_of(const host &host, std::string_view token);
// Of the family's part of a refresh token.
[[nodiscard]] secret_digest digest_of_family(const host &host, std::span<const uint8_t> family);

// The slot that a user's keys lie in, one of 65,536.
[[nodiscard]] uint16_t bucket_of(const host &host, std::string_view user_id);
// What a ticket knows its user by.
[[nodiscard]] std::array<uint8_t, 8> mark_of(const host &host, std::string_view user_id);

// The successor of a refresh token, readable only with that token's text. `family` ties it to its place.
[[nodiscard]] std::string seal(const host &host, std::string_view presented, std::string_view family,
                               std::string_view successor);
// Throws CORRUPT for what was not sealed so.
[[nodiscard]] std::string unseal(const host &host, std::string_view presented, std::string_view family,
                                 std::string_view sealed);

}  // namespace auth_plugin
