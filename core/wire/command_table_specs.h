// command_table_specs.h: how the table says where the keys of a command are.
//
// A specification says where a run of keys begins and where it ends; a command has one for each run. They are Redis'
// own key specifications as COMMAND gives them, which the server routes by.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/wire/command_table.h"

namespace cachecore_internal {

struct key_spec {
  uint8_t place;             // index of the first word; with a keyword: where its search begins
  std::string_view keyword;  // in lower case; the run begins behind it
  bool counted;              // the first word is the number of keys, which follow
  int8_t last;               // else: the last key, from the first one, or from the end if negative
  uint8_t step;
  uint8_t limit;  // 2: only half of the words up to the end are keys
};

std::span<const key_spec> specs_of(const command_info &command) noexcept;

}  // namespace cachecore_internal
