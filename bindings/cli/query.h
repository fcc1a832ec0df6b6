// query.h: an answer for a command to look into, rather than to write as it is.
//
// Thread rule: main thread only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "arguments.h"
#include "command.h"

namespace cachectl {

// Whether a plugin that is loaded has this method.
bool has_method(context &context, const std::string &method);

// Calls it and lends its answer to `look`; not called when nothing was found. Throws as every call does.
cachecore_status query(context &context, const std::string &method, const std::vector<word> &words,
                       const std::function<void(const cachecore_value &)> &look);

// A member of a map as a number or as text, whatever it is; 0 and "" where there is none.
double number_of(const cachecore_value &map, std::string_view key);
std::string text_of(const cachecore_value &map, std::string_view key);

}  // namespace cachectl
