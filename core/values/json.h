// json.h: values to JSON and back (RapidJSON).
//
// Every tree survives the way there and back. What JSON cannot say is said by a map with one key, a marker:
//
//     {"$bytes": base64}                                  BYTES that are not UTF-8
//     {"$map": [[key, value], ...]}                       a MAP whose keys are not all text, or not all different, or
//                                                         whose only key is the name of a marker
//     {"$error": {"status": name, "message": text}}       ERROR; a status without a name is its number
//
// INT and DOUBLE stay what they are: integers are exact over all of int64 (beyond it they are errors, never rounded),
// doubles are the shortest text that reads back as the same double and keep a point or an exponent.
//
// Thread rule: functions are reentrant. Errors: throws failure(INVALID_ARGUMENT) naming the offset or the path of the
// fault, and std::bad_alloc. Invariants: trees have at most max_value_depth levels below their root, as in arena::copy;
// time and memory are linear in the size of the input (keys of large maps are sorted once).
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/arena.h"

namespace cachecore_internal {

// Appends the JSON text of `value` to `out`; on failure `out` is as it was. NaN and infinities fail.
void json_encode(const cachecore_value &value, std::string &out);

// Reads exactly one JSON text. Two equal keys in one map, and a marker that does not hold what its name says, are
// errors. Bytes and keys live in `memory`, each with a NUL behind it.
cachecore_value json_decode(std::string_view json, arena &memory);

}  // namespace cachecore_internal
