// json_text.h: what cJSON does not do for a JSON text.
//
// cJSON 1.7 lets control characters, malformed \u escapes, \u0000 (which cuts the string short), bad UTF-8 and numbers
// like 01 or 1. pass, says roughly where an error is and never which, and does not keep a number exact that a double
// cannot hold. So a text is checked here before cJSON makes a tree of it, and what is handed on to a plugin is cut out
// of the text instead of printed anew.
//
// Thread rule: functions are reentrant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cachecore_internal {

// Levels of nesting a text may have.
constexpr size_t deepest_json = 64;

// Throws failure(INVALID_ARGUMENT), "<source>: line 3, column 5: <reason>", unless `text` is one JSON value (RFC 8259;
// a byte order mark before it is let pass) without \u0000 in its strings.
void check_json(std::string_view text, std::string_view source);

// "line 3, column 5": columns are characters, both count from 1.
std::string json_position(std::string_view text, size_t offset);

// The text of each member's value, in order. `object` is valid JSON and an object.
std::vector<std::string_view> member_texts(std::string_view object);

}  // namespace cachecore_internal
