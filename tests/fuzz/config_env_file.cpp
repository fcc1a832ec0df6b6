// Any bytes as an env file: refused with INVALID_ARGUMENT and a line that exists, or variables that stand in the text.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/config/environment.h"
#include "core/failure.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  try {
    for (const auto &[name, entry] : cachecore_internal::read_env_text(text, "file")) {
      check(!name.empty() && text.find(name) != std::string_view::npos);
      check(entry.value.size() < size && entry.value.find('\0') == std::string::npos);
      check(entry.origin.ends_with(": " + name));
    }
  } catch (const cachecore_internal::failure &refusal) {
    check(refusal.status() == CACHECORE_INVALID_ARGUMENT);
    constexpr std::string_view before = "file, line ";
    check(refusal.message().starts_with(before));
    const long long line = std::strtoll(refusal.message().c_str() + before.size(), nullptr, 10);
    check(line >= 1 && line <= lines);
  }
  return 0;
}
