// text.h: bytes as people read them.
//
// Bytes that are UTF-8 without control characters are shown as they are; anything else is escaped, so that no answer of
// a server can steer a terminal.
//
// Thread rule: functions are reentrant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cachectl {

enum class lines { one, many };  // many: line ends and tabs are printable too

bool printable(std::string_view bytes, lines allowed);

// As it is when printable, else with \n, \r, \t, \\ and \xNN.
std::string shown(std::string_view bytes, lines allowed = lines::one);

// Columns of a terminal that a printable text takes.
size_t display_width(std::string_view text);

// At most `width` columns, the last of them an ellipsis when something was left out.
std::string clipped(std::string_view text, size_t width);

// Breaks at spaces into lines of at most `width` columns; lines after the first begin with `indent` spaces. Newlines
// are kept.
std::string wrapped(std::string_view text, size_t width, size_t indent);

// For messages: quoted, escaped and at most 60 columns.
std::string quoted(std::string_view bytes);

}  // namespace cachectl
