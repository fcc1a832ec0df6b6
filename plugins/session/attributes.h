// attributes.h: the values of attributes as fields of a hash.
//
// A field is "." and the name, so that no attribute can be taken for one of the session's own fields. Its value begins
// with a letter: "b" before bytes as they are, "j" before the JSON of anything else.
//
// Thread rule: that of `call`.
#pragma once

#include <cachecore/plugin.hpp>

namespace session_plugin {

using namespace cachecore::plugin;

inline constexpr char attribute_mark = '.';

// Throws INVALID_ARGUMENT for a name that is no text; `parameter` is where it was given.
void add_attribute(call &call, words &to, const entry &attribute, const char *parameter);
// The field of a name.
value attribute_field(call &call, const value &name, const char *parameter);
// Throws CORRUPT.
value decode_attribute(call &call, std::string_view stored);

}  // namespace session_plugin
