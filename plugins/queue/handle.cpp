#include "handle.h"

#include <charconv>

namespace queue_plugin {

std::optional<handle> parse_handle(std::string_view text) noexcept {
  const size_t first = text.find('|');
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  const size_t second = text.find('|', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  size_t size = 0;
  const char *const digits = text.data() + first + 1;
  const char *const end = text.data() + second;
  const auto [stop, fault] = std::from_chars(digits, end, size);
  if (fault != std::errc{} || stop != end || size == 0 || *digits == '0') return std::nullopt;
  const std::string_view rest = text.substr(second + 1);
  if (size >= rest.size()) return std::nullopt;
  return handle{text.substr(0, first), rest.substr(0, size), rest.substr(size)};
}

}  // namespace queue_plugin
