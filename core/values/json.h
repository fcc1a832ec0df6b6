// json.h: values to JSON and back (RapidJSON).
//
// Integers are exact over all of int64. Bytes that are not UTF-8, appear as {"$bytes": base64}; a map that itself has the single key
// "$bytes" (or "$error", or "$map") is escaped so that every tree survives the way there and back. Maps with keys that are not text
// appear as {"$map": [[key, value], ...]}. ERROR inside a tree is {"$error": {"status": name, "message": text}}.
//
// Thread rule: functions are reentrant. Errors: throws failure(INVALID_ARGUMENT) naming the offset or the path of the fault.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/arena.h"

namespace cachecore {

// Appends the JSON text of `value` to `out`. Doubles keep a point or exponent so that 1.0 stays a double; NaN and infinities fail.
void json_encode(const cachecore_value &value, std::string &out);

// Reads exactly one JSON text (max_value_depth levels at most; duplicate keys are an error). Bytes and keys live in `memory`, each with a NUL behind it.
cachecore_value json_decode(std::string_view json, arena &memory);

}  // namespace cachecore
