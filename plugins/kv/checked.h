// checked.h: checks of what lies inside lists and maps, which the core takes as it is.
//
// Each throws INVALID_ARGUMENT naming the parameter and the place in it; never the content.
#pragma once

#include <cachecore/plugin.hpp>

namespace kv_plugin {

using namespace cachecore::plugin;

// A key within `parameter`, with the key prefix before it. The `index` is 0-based.
std::string_view item_key(call &call, const value &key, const char *parameter, size_t index);

// Something Redis stores as one string: BYTES, INT or DOUBLE.
value item_value(const value &data, const char *parameter, size_t index);

// A field of a hash: BYTES of any content.
value item_field(const value &field, const char *parameter, size_t index);

}  // namespace kv_plugin
