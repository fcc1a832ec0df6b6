// table.h: columns that line up.
//
// On a terminal the widest columns give way until a row fits; elsewhere a cell is cut only when no page would hold it.
//
// Thread rule: main thread only.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "output.h"

namespace cachectl {

struct cell {
  std::string text;  // printable, one line
  bool number = false;
};

struct table {
  std::vector<std::string> header;  // empty: none
  std::vector<std::vector<cell>> rows;
  bool first_is_name = false;  // the first column names what the others say
};

void write_table(output &out, const table &rows, size_t indent);

}  // namespace cachectl
