// plot.h: outcomes as pictures: bars for a terminal, curves in SVG for a browser.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "replay.h"

namespace simulate {

// A bar for each outcome, all on one scale from nothing to everything; `width` columns at most.
std::string bars(const std::vector<outcome> &outcomes, size_t width);

// The hit ratio over the capacity (logarithmic), a curve for each policy. `title` is any text.
std::string svg(const std::vector<outcome> &outcomes, const std::string &title);

}  // namespace simulate
