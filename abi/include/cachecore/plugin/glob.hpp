// glob.hpp: patterns as Redis' SCAN MATCH and PSUBSCRIBE understand them.
//
// `*` any bytes, `?` one byte, `[abc]` `[a-z]` `[^a]` one byte of a set, `\` takes the next byte as it is.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace cachecore::plugin {

namespace detail {

// Matches one byte against the set that begins behind '[' at `at`, and moves `at` behind its ']'. A set that is not
// closed ends with the pattern.
inline bool glob_set_has(std::string_view pattern, size_t &at, char byte) noexcept {
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) at++;
  bool found = false;
  for (; at < pattern.size() && pattern[at] != ']'; at++) {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      at++;
      found |= pattern[at] == byte;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      // By value: minmax of two arguments would refer to them.
      const auto [low, high] =
          std::minmax({static_cast<unsigned char>(pattern[at]), static_cast<unsigned char>(pattern[at + 2])});
      found |= low <= static_cast<unsigned char>(byte) && static_cast<unsigned char>(byte) <= high;
      at += 2;
    } else {
      found |= pattern[at] == byte;
    }
  }
  if (at < pattern.size()) at++;
  return found != inverted;
}

// Matches one byte against the element at `at`, which is no '*', and moves `at` behind it.
inline bool glob_element_matches(std::string_view pattern, size_t &at, char byte) noexcept {
  const char element = pattern[at++];
  if (element == '?') return true;
  if (element == '[') return glob_set_has(pattern, at, byte);
  if (element == '\\' && at < pattern.size()) return pattern[at++] == byte;
  return element == byte;
}

}  // namespace detail

// A pattern that matches exactly `text`.
inline std::string escape_glob(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char byte : text) {
    if (std::string_view("*?[]\\").find(byte) != std::string_view::npos) escaped += '\\';
    escaped += byte;
  }
  return escaped;
}

// Takes at most pattern size x text size steps, whatever the pattern. Where a byte does not match, the latest '*' takes
// one byte more. Earlier ones need no second try: whatever they could take, the latest can.
inline bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  size_t in_pattern = 0;
  size_t in_text = 0;
  size_t behind_star = std::string_view::npos;
  size_t star_ends = 0;
  while (in_text < text.size()) {
    size_t next = in_pattern;
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      behind_star = ++in_pattern;
      star_ends = in_text;
    } else if (in_pattern < pattern.size() && detail::glob_element_matches(pattern, next, text[in_text])) {
      in_pattern = next;
      in_text++;
    } else if (behind_star != std::string_view::npos) {
      in_pattern = behind_star;
      in_text = ++star_ends;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') in_pattern++;
  return in_pattern == pattern.size();
}

}  // namespace cachecore::plugin
