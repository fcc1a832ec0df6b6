#include "entry.h"

#include <cstring>

namespace cache_plugin {

namespace {

constexpr char layout_version = 1;

void write_integer(char *at, int64_t number) noexcept {
  auto rest = static_cast<uint64_t>(number);
  for (int i = 0; i < 8; i++, rest >>= 8) at[i] = static_cast<char>(rest & 0xFF);
}

}  // namespace

int64_t read_integer(std::string_view bytes, size_t at) noexcept {
  uint64_t number = 0;
  for (size_t i = 8; i > 0; i--) number = number << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  return static_cast<int64_t>(number);
}

std::optional<entry_view> parse_entry(std::string_view stored) {
  if (stored.size() < entry_header_size || stored[0] != layout_version) return std::nullopt;
  const size_t header =
      static_cast<unsigned char>(stored[2]) | static_cast<size_t>(static_cast<unsigned char>(stored[3])) << 8;
  if (header < entry_header_size || header > stored.size()) return std::nullopt;
  entry_view entry{stored[1], stored.substr(header), read_integer(stored, 12), read_integer(stored, 20), {}};
  if (entry.format != no_value && entry.format != plain_bytes && entry.format != json_text) return std::nullopt;
  std::memcpy(entry.seen.incarnation.data(), stored.data() + 28, entry.seen.incarnation.size());
  entry.seen.epoch = read_integer(stored, 36);
  return entry;
}

std::string_view write_entry(call &call, std::string_view id, const entry_view &entry) {
  const size_t size = entry_header_size + entry.payload.size();
  char *const out = call.allocate_array<char>(size);
  out[0] = layout_version;
  out[1] = entry.format;
  out[2] = static_cast<char>(entry_header_size);
  out[3] = 0;
  std::memcpy(out + 4, id.data(), 8);
  write_integer(out + 12, entry.ttl_ms);
  write_integer(out + 20, entry.lifetime_ms);
  std::memcpy(out + 28, entry.seen.incarnation.data(), entry.seen.incarnation.size());
  write_integer(out + 36, entry.seen.epoch);
  if (!entry.payload.empty()) std::memcpy(out + entry_header_size, entry.payload.data(), entry.payload.size());
  return {out, size};
}

}  // namespace cache_plugin
