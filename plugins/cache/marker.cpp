#include "marker.h"

#include <cachecore/plugin/glob.hpp>

#include <algorithm>
#include <cstring>

namespace cache_plugin {

namespace {

constexpr char layout_version = 1;
constexpr size_t pattern_header_size = 10;

}  // namespace

std::shared_ptr<const marker> marker::parse(std::string_view stored) {
  if (stored.size() < header_size || stored[0] != layout_version) return nullptr;
  auto parsed = std::make_shared<marker>();
  parsed->header_ = stored.substr(0, header_size);
  std::memcpy(parsed->now_.incarnation.data(), stored.data() + 1, parsed->now_.incarnation.size());
  parsed->now_.epoch = read_integer(stored, 9);
  parsed->cleared_ = read_integer(stored, 17);
  for (size_t at = header_size; at < stored.size();) {
    if (stored.size() - at < pattern_header_size) return nullptr;
    const size_t size = static_cast<unsigned char>(stored[at + 8]) |
                        static_cast<size_t>(static_cast<unsigned char>(stored[at + 9])) << 8;
    if (stored.size() - at - pattern_header_size < size) return nullptr;
    parsed->patterns_.push_back({read_integer(stored, at), std::string(stored.substr(at + pattern_header_size, size))});
    at += pattern_header_size + size;
  }
  return parsed;
}

bool marker::admits(const generation &seen, std::string_view key) const {
  if (seen.incarnation != now_.incarnation || seen.epoch < cleared_) return false;
  return std::none_of(patterns_.rbegin(), patterns_.rend(), [&](const invalidation &each) {
    return each.epoch > seen.epoch && glob_matches(each.pattern, key);
  });
}

}  // namespace cache_plugin
