#include "token_text.h"

#include <algorithm>

namespace auth_plugin {

namespace {

constexpr size_t checksum_size = 4;
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> make_values() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < alphabet.size(); i++) values[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr std::array<int8_t, 256> values = make_values();

// CRC-32 of IEEE 802.3, reflected.
constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t rest = i;
    for (int bit = 0; bit < 8; bit++) rest = (rest & 1) != 0 ? 0xEDB88320U ^ (rest >> 1) : rest >> 1;
    table[i] = rest;
  }
  return table;
}
constexpr std::array<uint32_t, 256> crc_table = make_crc_table();

class crc32 {
 public:
  void add(uint8_t byte) noexcept { rest_ = crc_table[(rest_ ^ byte) & 0xFF] ^ (rest_ >> 8); }
  [[nodiscard]] std::array<uint8_t, checksum_size> bytes() const noexcept {
    const uint32_t sum = ~rest_;
    return {static_cast<uint8_t>(sum >> 24), static_cast<uint8_t>(sum >> 16), static_cast<uint8_t>(sum >> 8),
            static_cast<uint8_t>(sum)};
  }

 private:
  uint32_t rest_ = 0xFFFFFFFFU;
};

constexpr size_t encoded_size(size_t bytes) noexcept { return (bytes * 8 + 5) / 6; }

std::array<uint8_t, checksum_size> checksum(std::string_view start, char kind, std::span<const uint8_t> payload) {
  crc32 sum;
  for (const char each : start) sum.add(static_cast<uint8_t>(each));
  sum.add(static_cast<uint8_t>(kind));
  for (const uint8_t each : payload) sum.add(each);
  return sum.bytes();
}

}  // namespace

bool read_base64url(std::string_view text, std::span<uint8_t> out) noexcept {
  if (text.size() != encoded_size(out.size())) return false;
  uint32_t bits = 0;
  unsigned held = 0;
  size_t filled = 0;
  for (const char each : text) {
    const int8_t six = values[static_cast<uint8_t>(each)];
    if (six < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(six);
    held += 6;
    if (held >= 8 && filled < out.size()) {
      held -= 8;
      out[filled++] = static_cast<uint8_t>(bits >> held);
    }
  }
  return filled == out.size() && held < 6 && (bits & ((1U << held) - 1)) == 0;
}

size_t payload_size(letter kind) noexcept {
  switch (kind) {
    case letter::access:
      return bucket_size + secret_size;
    case letter::refresh:
      return bucket_size + family_size + secret_size;
    case letter::token_handle:
    case letter::callers_handle:
    case letter::family_handle:
      return bucket_size + selector_size;
    case letter::ticket:
      return bucket_size + ticket_size;
  }
  return 0;
}

void append_base64url(std::string &out, std::span<const uint8_t> bytes) {
  uint32_t bits = 0;
  unsigned held = 0;
  for (const uint8_t each : bytes) {
    bits = bits << 8 | each;
    held += 8;
    while (held >= 6) {
      held -= 6;
      out.push_back(alphabet[bits >> held & 63]);
    }
  }
  if (held > 0) out.push_back(alphabet[bits << (6 - held) & 63]);
}

token_text::token_text(std::string_view prefix) : start_(prefix) { start_.push_back('_'); }

std::string token_text::write(letter kind, std::span<const uint8_t> payload) const {
  std::array<uint8_t, longest_payload + checksum_size> whole{};
  const auto sum = checksum(start_, static_cast<char>(kind), payload);
  std::copy(payload.begin(), payload.end(), whole.begin());
  std::copy(sum.begin(), sum.end(), whole.begin() + static_cast<std::ptrdiff_t>(payload.size()));
  std::string out;
  out.reserve(start_.size() + 2 + encoded_size(payload.size() + checksum_size));
  out.append(start_).append({static_cast<char>(kind), '_'});
  append_base64url(out, std::span(whole).first(payload.size() + checksum_size));
  return out;
}

token_text::parsed token_text::parse(std::string_view text) const noexcept {
  parsed out;
  if (!text.starts_with(start_)) return out;
  out.what = verdict::broken;
  text.remove_prefix(start_.size());
  if (text.size() < 2 || text[1] != '_') return out;
  const auto kind = static_cast<letter>(text[0]);
  const size_t size = payload_size(kind);
  text.remove_prefix(2);
  if (size == 0) return out;
  std::array<uint8_t, longest_payload + checksum_size> whole{};
  if (!read_base64url(text, std::span(whole).first(size + checksum_size))) return out;
  const std::span payload(whole.data(), size);
  const auto sum = checksum(start_, static_cast<char>(kind), payload);
  if (!std::equal(sum.begin(), sum.end(), whole.begin() + static_cast<std::ptrdiff_t>(size))) return out;
  std::copy(payload.begin(), payload.end(), out.bytes.begin());
  out.kind = kind;
  out.what = verdict::whole;
  return out;
}

}  // namespace auth_plugin
