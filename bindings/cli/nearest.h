// nearest.h: "did you mean ...?"
//
// Thread rule: functions are reentrant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cachectl {

// The name that `wrong` was most likely meant to be, or "" when none is near.
std::string nearest(std::string_view wrong, const std::vector<std::string> &names);

// " (did you mean 'x'?)", or "".
std::string suggestion(std::string_view wrong, const std::vector<std::string> &names);

}  // namespace cachectl
