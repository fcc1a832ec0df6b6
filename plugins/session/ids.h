// ids.h: what callers hold: ids, handles and tickets.
//
// All three are 34 bytes in 46 characters of base64url, told apart by their first byte:
//
//     id      1, bucket, 32 random bytes                                  opens the session; only its SHA-256 is stored
//     handle  2, bucket, SHA-256 of the id                                names the session for ending it, opens
//     nothing ticket  3, bucket, time (8 bytes), 8 bytes of the user's SHA-256, mark (16 bytes)
//
// The bucket says in which of 256 hash slots the session lies, with all others of its user: it is the first byte of
// SHA-256(user id), random where there is no user. Only the one spelling that `text` writes is read.
//
// Thread rule: values. Secrets are compared by finding the key named by their SHA-256, never byte by byte.
#pragma once

#include <cachecore/plugin.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace session_plugin {

inline constexpr size_t token_size = 34;
inline constexpr size_t token_text_size = 46;
inline constexpr size_t hash_size = 32;
inline constexpr size_t hash_text_size = 43;
inline constexpr size_t mark_size = 16;

using token = std::array<uint8_t, token_size>;
using token_text = std::array<char, token_text_size>;
using digest = std::array<uint8_t, hash_size>;

enum class token_kind : uint8_t { id = 1, handle = 2, ticket = 3 };

// Where a session lies: its bucket, and the SHA-256 of its id as base64url.
struct place {
  uint8_t bucket = 0;
  std::array<char, hash_text_size> hash{};

  [[nodiscard]] std::string_view text() const noexcept { return {hash.data(), hash.size()}; }
  friend bool operator==(const place &, const place &) = default;
};

struct ticket_parts {
  int64_t made_at_ms = 0;
  std::array<uint8_t, 8> user{};
  std::array<uint8_t, mark_size> mark{};  // zeroes: none
};

// base64url without padding. `out` has room for (size * 4 + 2) / 3 characters.
void write_base64url(const uint8_t *data, size_t size, char *out) noexcept;
// Only the one spelling of exactly `size` bytes.
[[nodiscard]] bool read_base64url(std::string_view text, uint8_t *out, size_t size) noexcept;

[[nodiscard]] token_text text_of(const token &what) noexcept;
[[nodiscard]] std::optional<token> read_token(std::string_view text, token_kind kind) noexcept;

// A new id. Throws INTERNAL when the system's random generator fails.
[[nodiscard]] token make_id(const cachecore_crypto_service &crypto, uint8_t bucket);
[[nodiscard]] place place_of_id(const cachecore_crypto_service &crypto, const token &id);

[[nodiscard]] token_text handle_of(const place &at) noexcept;
[[nodiscard]] place place_of_handle(const token &handle) noexcept;
// From what a forward in Redis says. Nothing for what is no hash.
[[nodiscard]] std::optional<place> place_in(uint8_t bucket, std::string_view hash) noexcept;

[[nodiscard]] token make_ticket(uint8_t bucket, const ticket_parts &parts) noexcept;
[[nodiscard]] ticket_parts parts_of_ticket(const token &ticket) noexcept;

}  // namespace session_plugin
