// glob.h: patterns as Redis' SCAN MATCH and PSUBSCRIBE understand them.
//
// `*` any bytes, `?` one byte, `[abc]` `[a-z]` `[^a]` one byte of a set, `\` takes the next byte as it is.
#pragma once

#include <string>
#include <string_view>

namespace kv_plugin {

// A pattern that matches exactly `text`.
std::string escape_glob(std::string_view text);

// Takes at most pattern size x text size steps, whatever the pattern.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

}  // namespace kv_plugin
