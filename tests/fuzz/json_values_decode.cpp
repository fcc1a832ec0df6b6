// Any bytes as JSON: refused with INVALID_ARGUMENT and an offset inside the text, or read as a tree that survives the
// way to JSON and back.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/failure.h"
#include "core/values/json.h"
#include "tests/values/value_tree.h"

using cachecore_internal::arena;

namespace {

// The offset a message names, or more than any text has.
size_t named_offset(const std::string &message) {
  constexpr std::string_view before = "offset ";
  const size_t at = message.find(before);
  return at == std::string::npos ? SIZE_MAX : std::strtoull(message.c_str() + at + before.size(), nullptr, 10);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view json(reinterpret_cast<const char *>(data), size);
  arena memory;
  cachecore_value value;
  try {
    value = cachecore_internal::json_decode(json, memory);
  } catch (const cachecore_internal::failure &refusal) {
    if (refusal.status() != CACHECORE_INVALID_ARGUMENT || named_offset(refusal.message()) > size) std::abort();
    return 0;
  }
  if (!cachecore_test::all_nul_ended(value)) std::abort();
  std::string again;
  cachecore_internal::json_encode(value, again);
  arena other;
  if (!cachecore_test::same_tree(value, cachecore_internal::json_decode(again, other))) std::abort();
  return 0;
}
