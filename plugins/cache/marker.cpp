#include "marker.h"

#include <cachecore/plugin/glob.hpp>

#include <algorithm>
#include <cstring>

namespace cache_plugin {

namespace {

constexpr char layout_version = 2;
constexpr size_t record_header_size = 11;

}  // namespace

std::shared_ptr<const marker> marker::parse(std::string_view stored) {
  if (stored.size() < header_size || stored[0] != layout_version) return nullptr;
  auto parsed = std::make_shared<marker>();
  parsed->header_ = stored.substr(0, header_size);
  std::memcpy(parsed->now_.incarnation.data(), stored.data() + 1, parsed->now_.incarnation.size());
  parsed->now_.epoch = read_integer(stored, 9);
  parsed->cleared_ = read_integer(stored, 17);
  parsed->tags_cleared_ = read_integer(stored, 25);
  parsed->tags_listed_ = read_integer(stored, 33);
  for (size_t at = header_size; at < stored.size();) {
    if (stored.size() - at < record_header_size) return nullptr;
    const size_t size = static_cast<unsigned char>(stored[at + 9]) |
                        static_cast<size_t>(static_cast<unsigned char>(stored[at + 10])) << 8;
    if (stored.size() - at - record_header_size < size) return nullptr;
    if (stored[at + 8] != 'p' && stored[at + 8] != 't') return nullptr;
    auto &records = stored[at + 8] == 'p' ? parsed->patterns_ : parsed->tags_;
    records.push_back({read_integer(stored, at), std::string(stored.substr(at + record_header_size, size))});
    at += record_header_size + size;
  }
  return parsed;
}

bool marker::admits(const generation &seen, std::string_view key) const {
  if (seen.incarnation != now_.incarnation || seen.epoch < cleared_) return false;
  return std::none_of(patterns_.rbegin(), patterns_.rend(), [&](const invalidation &each) {
    return each.epoch > seen.epoch && glob_matches(each.what, key);
  });
}

verdict marker::judge(const generation &seen, std::string_view key, tag_list tags) const {
  if (!admits(seen, key)) return verdict::invalid;
  if (tags.empty()) return verdict::valid;
  if (seen.epoch < tags_cleared_) return verdict::invalid;
  for (const std::string_view tag : tags) {
    const bool ended = std::any_of(tags_.rbegin(), tags_.rend(), [&](const invalidation &each) {
      return each.epoch > seen.epoch && each.what == tag;
    });
    if (ended) return verdict::invalid;
  }
  return seen.epoch >= tags_listed_ ? verdict::valid : verdict::ask;
}

}  // namespace cache_plugin
