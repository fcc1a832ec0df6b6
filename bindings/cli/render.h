// render.h: a value on standard output.
//
//     human   text as it is, lists one item a line, maps and lists of maps as tables fitted to the terminal; for eyes
//     json    one line of JSON, exact and reversible; for programs
//     raw     the bytes of the value and nothing around them; for pipes
//
// Thread rule: main thread only.
#pragma once

#include <cachecore/value.h>

#include "global_options.h"
#include "output.h"

namespace cachectl {

void render(output &out, const cachecore_value &value, format as);

// As render, for an item of a stream: ends with a newline in every format.
void render_item(output &out, const cachecore_value &item, format as);

// One line, containers in brackets; for table cells.
std::string compact(const cachecore_value &value);

}  // namespace cachectl
