// numbers.h: numbers as they are typed. All of the text must be the number; nothing is rounded into range.
//
// Thread rule: functions are reentrant.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace cachectl {

template <class number>
std::optional<number> parse_number(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace cachectl
