// json.hpp: values to JSON text and back, as the core writes it everywhere.
//
// Thread rule: reentrant. Invariant: what encodes decodes to an equal tree: integers are exact, bytes that are not
// UTF-8 are {"$bytes": base64}, and a map that JSON has no form for is {"$map": [[key, value], ...]} (core.h).
#pragma once

#include "result.hpp"

namespace cachecore {

// Throws error(INVALID_ARGUMENT) for a double that is not finite.
template <class T>
std::string json_encode(const T &native) {
  builder memory;
  const cachecore_value value = encode(native, memory);
  cachecore_error reason;
  cachecore_result *out = nullptr;
  check(cachecore_json_encode(&value, &out, &reason), reason);
  return result(out).template as<std::string>();
}

// Throws error(INVALID_ARGUMENT), which names the offset.
inline result json_decode(std::string_view json) {
  cachecore_error reason;
  cachecore_result *out = nullptr;
  check(cachecore_json_decode(json.empty() ? "" : json.data(), json.size(), &out, &reason), reason);
  return result(out);
}

}  // namespace cachecore
