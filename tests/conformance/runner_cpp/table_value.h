// table_value.h: the table's way of writing values (../README.md), as values of the C++ binding.
//
// Thread rule: reentrant. Invariant: `read` throws std::runtime_error for what is no value of the table.
#pragma once

#include <cachecore/cachecore.hpp>
#include <cjson/cJSON.h>

#include <string>

namespace table {

cachecore::value read(const cJSON *json);

// Equal as the table has it: NaN equals NaN, 0.0 is not -0.0, maps in any order, {"$any": true} equals everything.
bool equal(const cachecore::value &expected, const cachecore::value &got);

// For messages: at most a few hundred bytes.
std::string show(const cachecore::value &value);

cachecore::status status_by_name(const std::string &name);

}  // namespace table
