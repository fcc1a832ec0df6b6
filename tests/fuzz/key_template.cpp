// A template and two pairs of arguments, parted by NUL bytes: refused by name, or keys that differ where the arguments
// do, hold nothing that a pattern would understand beyond what the template has, and begin with the template's prefix.

#include <cachecore/cachecore.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

std::string_view cut(std::string_view &rest) {
  const size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

void check_keys(const cachecore::key_template &made, const std::array<std::string_view, 4> &arguments) {
  const std::string first = made.expand(arguments[0], arguments[1]);
  const std::string second = made.expand(arguments[2], arguments[3]);
  const bool same = arguments[0] == arguments[2] && arguments[1] == arguments[3];
  check((first == second) == same);
  check(first.starts_with(made.prefix()) && second.starts_with(made.prefix()));
  const std::string empty = made.expand("", "");
  for (const char each : std::string_view("*?[]\\{}: "))
    check(std::count(first.begin(), first.end(), each) == std::count(empty.begin(), empty.end(), each));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view rest(reinterpret_cast<const char *>(data), size);
  const std::string_view text = cut(rest);
  const std::array<std::string_view, 4> arguments{cut(rest), cut(rest), cut(rest), cut(rest)};
  try {
    check_keys(cachecore::key_template(text), arguments);
  } catch (const cachecore::error &refusal) {
    check(refusal.status() == cachecore::status::invalid_argument);
    check(std::string_view(refusal.message()).find("key template") != std::string_view::npos);
  }
  return 0;
}
