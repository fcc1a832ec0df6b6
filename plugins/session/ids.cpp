#include "ids.h"

#include <cachecore/plugin/error.hpp>

#include <algorithm>
#include <cstring>

namespace session_plugin {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> make_sextets() {
  std::array<int8_t, 256> sextets{};
  sextets.fill(-1);
  for (size_t i = 0; i < alphabet.size(); i++) sextets[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return sextets;
}
constexpr std::array<int8_t, 256> sextets = make_sextets();

token begin_token(token_kind kind, uint8_t bucket) noexcept {
  token made{};
  made[0] = static_cast<uint8_t>(kind);
  made[1] = bucket;
  return made;
}

}  // namespace

void write_base64url(const uint8_t *data, size_t size, char *out) noexcept {
  uint32_t bits = 0;
  unsigned held = 0;
  for (size_t i = 0; i < size; i++) {
    bits = bits << 8 | data[i];
    for (held += 8; held >= 6; held -= 6) *out++ = alphabet[bits >> (held - 6) & 63];
  }
  if (held > 0) *out = alphabet[bits << (6 - held) & 63];
}

bool read_base64url(std::string_view text, uint8_t *out, size_t size) noexcept {
  if (text.size() != (size * 4 + 2) / 3) return false;
  uint32_t bits = 0;
  unsigned held = 0;
  for (const char each : text) {
    const int8_t sextet = sextets[static_cast<uint8_t>(each)];
    if (sextet < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(sextet);
    held += 6;
    if (held >= 8) {
      held -= 8;
      *out++ = static_cast<uint8_t>(bits >> held);
    }
  }
  return (bits & ((1U << held) - 1)) == 0;
}

token_text text_of(const token &what) noexcept {
  token_text text;
  write_base64url(what.data(), what.size(), text.data());
  return text;
}

std::optional<token> read_token(std::string_view text, token_kind kind) noexcept {
  token read;
  if (!read_base64url(text, read.data(), read.size()) || read[0] != static_cast<uint8_t>(kind)) return std::nullopt;
  return read;
}

token make_id(const cachecore_crypto_service &crypto, uint8_t bucket) {
  token made = begin_token(token_kind::id, bucket);
  if (crypto.random(made.data() + 2, made.size() - 2) != CACHECORE_OK) {
    throw cachecore::plugin::error(CACHECORE_INTERNAL, "the system's random generator failed");
  }
  return made;
}

place place_of_id(const cachecore_crypto_service &crypto, const token &id) {
  digest hash;
  if (crypto.sha256(id.data(), id.size(), hash.data()) != CACHECORE_OK) {
    throw cachecore::plugin::error(CACHECORE_INTERNAL, "SHA-256 failed");
  }
  place at;
  at.bucket = id[1];
  write_base64url(hash.data(), hash.size(), at.hash.data());
  return at;
}

token_text handle_of(const place &at) noexcept {
  token handle = begin_token(token_kind::handle, at.bucket);
  // A place's hash was written by write_base64url, or read by it.
  (void)read_base64url(at.text(), handle.data() + 2, hash_size);
  return text_of(handle);
}

place place_of_handle(const token &handle) noexcept {
  place at;
  at.bucket = handle[1];
  write_base64url(handle.data() + 2, hash_size, at.hash.data());
  return at;
}

std::optional<place> place_in(uint8_t bucket, std::string_view hash) noexcept {
  digest checked;
  if (!read_base64url(hash, checked.data(), checked.size())) return std::nullopt;
  place at;
  at.bucket = bucket;
  std::copy(hash.begin(), hash.end(), at.hash.begin());
  return at;
}

token make_ticket(uint8_t bucket, const ticket_parts &parts) noexcept {
  token made = begin_token(token_kind::ticket, bucket);
  for (size_t i = 0; i < 8; i++) made[2 + i] = static_cast<uint8_t>(static_cast<uint64_t>(parts.made_at_ms) >> (8 * i));
  std::copy(parts.user.begin(), parts.user.end(), made.begin() + 10);
  std::copy(parts.mark.begin(), parts.mark.end(), made.begin() + 18);
  return made;
}

ticket_parts parts_of_ticket(const token &ticket) noexcept {
  ticket_parts parts;
  uint64_t time = 0;
  for (size_t i = 8; i-- > 0;) time = time << 8 | ticket[2 + i];
  parts.made_at_ms = static_cast<int64_t>(time);
  std::copy_n(ticket.begin() + 10, parts.user.size(), parts.user.begin());
  std::copy_n(ticket.begin() + 18, parts.mark.size(), parts.mark.begin());
  return parts;
}

}  // namespace session_plugin
