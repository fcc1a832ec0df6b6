// Any tree: it can be written as JSON, and what is read back is the same tree. Its deepest leaves are as deep as a
// value may be.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/values/json.h"
#include "core/values/utf8.h"
#include "tests/values/value_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cachecore_test::tree_maker maker({reinterpret_cast<const char *>(data), size});
  const cachecore_value value = maker.make();
  std::string json;
  cachecore_internal::json_encode(value, json);
  if (!cachecore_internal::is_utf8(json)) std::abort();
  cachecore_internal::arena memory;
  if (!cachecore_test::same_tree(value, cachecore_internal::json_decode(json, memory))) std::abort();
  return 0;
}
