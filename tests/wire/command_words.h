// command_words.h: commands written as lines, for the tests of the table of commands.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/wire/command_table.h"

namespace cachecore_test {

using words = std::vector<std::string>;

inline std::vector<std::string_view> views(const words &command) { return {command.begin(), command.end()}; }

// "get a ''" as words: '' is an empty one.
inline words split(std::string_view line) {
  words out;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    out.emplace_back(line.substr(0, end) == "''" ? "" : line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

inline bool has(const cachecore_internal::command_info &command, cachecore_internal::command_flag flag) {
  return (command.flags & flag) != 0;
}

}  // namespace cachecore_test
