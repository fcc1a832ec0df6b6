#include "attributes.h"

#include <string>

namespace session_plugin {

namespace {

constexpr size_t longest_name = 256;

value join(call &call, char mark, std::string_view text) {
  char *joined = call.allocate_array<char>(text.size() + 2);
  joined[0] = mark;
  std::copy(text.begin(), text.end(), joined + 1);
  joined[text.size() + 1] = '\0';
  return std::string_view(joined, text.size() + 1);
}

}  // namespace

value attribute_field(call &call, const value &name, const char *parameter) {
  if (!name.is(CACHECORE_BYTES) || name.text().empty() || name.text().size() > longest_name) {
    throw error(CACHECORE_INVALID_ARGUMENT, std::string(parameter) + ": names are texts of 1 to 256 bytes");
  }
  return join(call, attribute_mark, name.text());
}

void add_attribute(call &call, words &to, const entry &attribute, const char *parameter) {
  const value field = attribute_field(call, attribute.key, parameter);
  if (attribute.value.is(CACHECORE_BYTES)) {
    to.add(field, join(call, 'b', attribute.value.text()));
  } else {
    to.add(field, join(call, 'j', call.encode_json(attribute.value).as_text()));
  }
}

value decode_attribute(call &call, std::string_view stored) {
  // What stands behind the letter ends with the NUL of the whole.
  if (stored.starts_with('b')) return stored.substr(1);
  if (!stored.starts_with('j')) throw error(CACHECORE_CORRUPT, "an attribute is not what this plugin stores");
  try {
    return call.decode_json(stored.substr(1));
  } catch (const error &) {
    throw error(CACHECORE_CORRUPT, "an attribute is not what this plugin stores");
  }
}

}  // namespace session_plugin
