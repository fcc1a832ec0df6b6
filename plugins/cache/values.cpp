// values.cpp: values on their way into Redis and back.

#include <cmath>
#include <cstring>

#include "cache.h"

namespace cache_plugin {

encoded cache::encode(call &call, const policy &how, const value &data) {
  if (data.is_nil()) return {no_value, {}};
  // Bytes need no JSON around them whatever the codec.
  if (data.is(CACHECORE_BYTES)) return {plain_bytes, data.text()};
  if (how.codec == policy::codec_kind::bytes) {
    throw error(CACHECORE_INVALID_ARGUMENT, std::string("value must be BYTES, or NIL for \"does not exist\", got ") +
                                                kind_name(data.kind) +
                                                ": the codec of this region is \"bytes\" (\"json\" takes any value)");
  }
  return {json_text, call.encode_json(data).text()};
}

value cache::decode(call &call, char format, std::string_view bytes) {
  switch (format) {
    case no_value:
      return {};
    case plain_bytes:
      return bytes;
    default:
      return call.decode_json(bytes);
  }
}

value cache::decode(call &call, const content &loaded) {
  return loaded.format == plain_bytes ? call.copy(loaded.bytes) : decode(call, loaded.format, loaded.bytes);
}

std::pair<int64_t, int64_t> cache::lifetimes(const policy &how, const encoded &data,
                                             std::optional<int64_t> ttl_ms) const {
  const int64_t longest = ttl_ms ? *ttl_ms : how.ttl_of(data.format != no_value);
  if (longest == 0) return {0, 0};
  int64_t ttl = longest;
  if (how.jitter > 0) {
    ttl =
        std::max<int64_t>(1, longest - static_cast<int64_t>(static_cast<double>(longest) * how.jitter * random_part()));
  }
  return {ttl, ttl + how.stale_ms};
}

// The policy's and the value's own.
tag_list cache::tags_of(call &call, const policy &how, list_view given) {
  if (how.tags.empty()) return tag_list::pack(call, given);
  const std::span<value> all = call.array(how.tags.size() + given.size());
  for (size_t i = 0; i < how.tags.size(); i++) all[i] = std::string_view(how.tags[i]);
  std::copy(given.begin(), given.end(), all.begin() + static_cast<std::ptrdiff_t>(how.tags.size()));
  return tag_list::pack(call, all);
}

double cache::random_part() const {
  uint64_t random = 0;
  std::memcpy(&random, random_bytes().data(), sizeof(random));
  return std::ldexp(static_cast<double>(random >> 11), -53);
}

std::string cache::random_bytes() const {
  std::array<uint8_t, 8> bytes;
  host_.random(bytes);
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

}  // namespace cache_plugin
