#include "handle.h"

#include <algorithm>
#include <charconv>

namespace lock_plugin {

namespace {

constexpr std::string_view base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// 2025-01-01 UTC.
constexpr int64_t fence_epoch_ms = 1'735'689'600'000;

// Digits alone: no sign, nothing behind them.
std::optional<int64_t> parse_digits(std::string_view digits) noexcept {
  int64_t number = 0;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (fault != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// CRC-64 as Redis computes it (Jones, reflected).
constexpr std::array<uint64_t, 256> make_crc_table() {
  std::array<uint64_t, 256> table{};
  for (uint64_t i = 0; i < table.size(); i++) {
    uint64_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x95ac9329ac4bc9b5ULL : crc >> 1;
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint64_t, 256> crc_table = make_crc_table();

uint64_t crc64(const char *data, size_t size) noexcept {
  uint64_t crc = 0;
  for (size_t i = 0; i < size; i++) crc = crc_table[(crc ^ static_cast<uint8_t>(data[i])) & 0xFF] ^ (crc >> 8);
  return crc;
}

// Sizes of strings take 1, 2 or 5 bytes.
size_t length_size(size_t length) noexcept {
  if (length < 64) return 1;
  return length < 16'384 ? 2 : 5;
}

char *write_length(size_t length, char *out) noexcept {
  if (length < 64) {
    *out++ = static_cast<char>(length);
  } else if (length < 16'384) {
    *out++ = static_cast<char>(0x40 | (length >> 8));
    *out++ = static_cast<char>(length & 0xFF);
  } else {
    *out++ = static_cast<char>(0x80);
    for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<char>((length >> shift) & 0xFF);
  }
  return out;
}

constexpr char hash_of_strings = 4;     // the oldest encoding of a hash, which every version reads
constexpr uint16_t format_version = 9;  // of Redis 5; a server refuses only what is newer than itself
constexpr size_t footer_size = sizeof(format_version) + sizeof(uint64_t);

}  // namespace

std::optional<token> parse_token(std::string_view text) {
  if (text.size() != token::size || text.find_first_not_of(base64url) != std::string_view::npos) return std::nullopt;
  token parsed;
  std::copy(text.begin(), text.end(), parsed.text.begin());
  return parsed;
}

void write_base64(const uint8_t *bytes, char *out) noexcept {
  for (size_t i = 0; i < 9; i += 3) {
    const uint32_t three =
        static_cast<uint32_t>(bytes[i]) << 16 | static_cast<uint32_t>(bytes[i + 1]) << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = base64url[(three >> shift) & 63];
  }
}

std::optional<handle> parse_handle(std::string_view text) {
  if (text.size() <= 1 + token::size) return std::nullopt;
  const auto how = static_cast<mode>(text.front());
  if (how != mode::exclusive && how != mode::shared && how != mode::semaphore) return std::nullopt;
  const auto id = parse_token(text.substr(1, token::size));
  if (!id) return std::nullopt;
  return handle{how, *id, text.substr(1 + token::size)};
}

int64_t fence_id::number() const noexcept { return (ms - fence_epoch_ms) * orders + order; }

std::optional<fence_id> parse_fence(std::string_view id) {
  const size_t dash = id.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto ms = parse_digits(id.substr(0, dash));
  const auto order = parse_digits(id.substr(dash + 1));
  // The year 10889: beyond it the number would not be right.
  if (!ms || !order || *ms > (int64_t{1} << 48)) return std::nullopt;
  return fence_id{*ms, *order};
}

std::string write_fence(int64_t number) {
  // Rounds down also below zero, where a server's clock is before 2025.
  const int64_t order = ((number % fence_id::orders) + fence_id::orders) % fence_id::orders;
  return std::to_string((number - order) / fence_id::orders + fence_epoch_ms) + "-" + std::to_string(order);
}

std::optional<announcement> parse_announcement(std::string_view text) {
  if (text.size() < 1 + token::size) return std::nullopt;
  announcement heard;
  heard.kind = text.front();
  const auto id = parse_token(text.substr(1, token::size));
  if (!id) return std::nullopt;
  heard.id = *id;
  const std::string_view rest = text.substr(1 + token::size);
  if (heard.kind != 'g' && heard.kind != 'e') {
    if ((heard.kind != 'l' && heard.kind != 'f') || !rest.empty()) return std::nullopt;
    return heard;
  }
  const size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto ends_at = parse_digits(rest.substr(colon + 1));
  if (!ends_at) return std::nullopt;
  heard.ends_at = *ends_at;
  if (heard.kind == 'e') {
    if (colon != 0) return std::nullopt;
    return heard;
  }
  const auto fence = parse_fence(rest.substr(0, colon));
  if (!fence) return std::nullopt;
  heard.fence = *fence;
  return heard;
}

size_t simple_state_size(std::string_view owner) noexcept {
  return 2 + length_size(token::size) + token::size + length_size(owner.size()) + owner.size() + footer_size;
}

void write_simple_state(const token &id, std::string_view owner, char *out) noexcept {
  char *end = out;
  *end++ = hash_of_strings;
  *end++ = 1;  // field
  end = write_length(token::size, end);
  end = std::copy(id.text.begin(), id.text.end(), end);
  end = write_length(owner.size(), end);
  end = std::copy(owner.begin(), owner.end(), end);
  *end++ = static_cast<char>(format_version & 0xFF);
  *end++ = static_cast<char>(format_version >> 8);
  const uint64_t crc = crc64(out, static_cast<size_t>(end - out));
  for (int shift = 0; shift < 64; shift += 8) *end++ = static_cast<char>((crc >> shift) & 0xFF);
}

}  // namespace lock_plugin
