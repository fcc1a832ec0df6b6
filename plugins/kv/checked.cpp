#include "checked.h"

#include <string>

namespace kv_plugin {

namespace {

constexpr size_t longest_key = 65536;

[[noreturn]] void refuse(const char *parameter, size_t index, const std::string &wants) {
  throw error(CACHECORE_INVALID_ARGUMENT, std::string(parameter) + "[" + std::to_string(index) + "] must be " + wants);
}

}  // namespace

std::string_view item_key(call &call, const value &key, const char *parameter, size_t index) {
  if (!key.is(CACHECORE_BYTES)) refuse(parameter, index, std::string("a key (bytes), got ") + kind_name(key.kind));
  const std::string_view name = key.text();
  if (name.empty() || name.size() > longest_key ||
      name.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) {
    refuse(parameter, index, "a key: 1 to 65,536 bytes without NUL, CR and LF");
  }
  return call.key(name);
}

value item_value(const value &data, const char *parameter, size_t index) {
  if (!data.is(CACHECORE_BYTES) && !data.is(CACHECORE_INT) && !data.is(CACHECORE_DOUBLE)) {
    refuse(parameter, index,
           std::string("bytes, int or double, got ") + kind_name(data.kind) + " (set_json stores any value)");
  }
  return data;
}

value item_field(const value &field, const char *parameter, size_t index) {
  if (!field.is(CACHECORE_BYTES))
    refuse(parameter, index, std::string("a field (bytes), got ") + kind_name(field.kind));
  return field;
}

}  // namespace kv_plugin
