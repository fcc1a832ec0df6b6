#include "entry.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace cache_plugin {

namespace {

constexpr char layout_version = 2;

size_t read_size(std::string_view bytes, size_t at) noexcept {
  return static_cast<unsigned char>(bytes[at]) | static_cast<size_t>(static_cast<unsigned char>(bytes[at + 1])) << 8;
}

void write_size(char *at, size_t size) noexcept {
  at[0] = static_cast<char>(size & 0xFF);
  at[1] = static_cast<char>(size >> 8 & 0xFF);
}

}  // namespace

int64_t read_integer(std::string_view bytes, size_t at) noexcept {
  uint64_t number = 0;
  for (size_t i = 8; i > 0; i--) number = number << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  return static_cast<int64_t>(number);
}

void write_integer(char *at, int64_t number) noexcept {
  auto rest = static_cast<uint64_t>(number);
  for (int i = 0; i < 8; i++, rest >>= 8) at[i] = static_cast<char>(rest & 0xFF);
}

std::optional<tag_list> tag_list::parse(std::string_view bytes, size_t count) noexcept {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    if (bytes.size() - at < 2 || bytes.size() - at - 2 < read_size(bytes, at)) return std::nullopt;
    at += 2 + read_size(bytes, at);
  }
  return tag_list(bytes.substr(0, at));
}

tag_list tag_list::pack(call &call, list_view given) {
  std::vector<std::string_view> tags;
  tags.reserve(given.size());
  for (const value &each : given) {
    if (!each.is(CACHECORE_BYTES) || each.text().empty() || each.text().size() > longest) {
      throw error(CACHECORE_INVALID_ARGUMENT, "tags must be BYTES, each of 1 to 1024 bytes");
    }
    tags.push_back(each.text());
  }
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  if (tags.size() > most) {
    throw error(CACHECORE_INVALID_ARGUMENT, "tags must be at most 32, got " + std::to_string(tags.size()));
  }
  size_t size = 0;
  for (const std::string_view each : tags) size += 2 + each.size();
  char *const out = call.allocate_array<char>(size);
  char *at = out;
  for (const std::string_view each : tags) {
    write_size(at, each.size());
    std::memcpy(at + 2, each.data(), each.size());
    at += 2 + each.size();
  }
  return tag_list({out, size});
}

size_t tag_list::count() const noexcept {
  size_t found = 0;
  for (auto each = begin(); each != end(); ++each) found++;
  return found;
}

std::optional<entry_view> parse_entry(std::string_view stored) {
  if (stored.size() < entry_header_size || stored[0] != layout_version) return std::nullopt;
  const size_t header = read_size(stored, 2);
  if (header < entry_header_size || header > stored.size()) return std::nullopt;
  entry_view entry{stored[1], stored.substr(header), read_integer(stored, 12), read_integer(stored, 20), {}, 0, 0, {}};
  if (entry.format != no_value && entry.format != plain_bytes && entry.format != json_text) return std::nullopt;
  std::memcpy(entry.seen.incarnation.data(), stored.data() + 28, entry.seen.incarnation.size());
  entry.seen.epoch = read_integer(stored, 36);
  entry.load_ms = static_cast<uint32_t>(read_size(stored, 44) | read_size(stored, 46) << 16);
  entry.coding = static_cast<uint8_t>(stored[48]);
  const std::optional<tag_list> tags = tag_list::parse(stored.substr(entry_header_size, header - entry_header_size),
                                                       static_cast<unsigned char>(stored[49]));
  if (!tags || entry.coding > (compressed | sealed)) return std::nullopt;
  entry.tags = *tags;
  return entry;
}

std::string_view write_entry(call &call, std::string_view id, const entry_view &entry) {
  const std::string_view tags = entry.tags.packed();
  const size_t header = entry_header_size + tags.size();
  const size_t size = header + entry.payload.size();
  char *const out = call.allocate_array<char>(size);
  out[0] = layout_version;
  out[1] = entry.format;
  write_size(out + 2, header);
  std::memcpy(out + 4, id.data(), 8);
  write_integer(out + 12, entry.ttl_ms);
  write_integer(out + 20, entry.lifetime_ms);
  std::memcpy(out + 28, entry.seen.incarnation.data(), entry.seen.incarnation.size());
  write_integer(out + 36, entry.seen.epoch);
  write_size(out + 44, entry.load_ms & 0xFFFF);
  write_size(out + 46, entry.load_ms >> 16);
  out[48] = static_cast<char>(entry.coding);
  out[49] = static_cast<char>(entry.tags.count());
  if (!tags.empty()) std::memcpy(out + entry_header_size, tags.data(), tags.size());
  if (!entry.payload.empty()) std::memcpy(out + header, entry.payload.data(), entry.payload.size());
  return {out, size};
}

}  // namespace cache_plugin
