// json_document.h: a JSON object of the configuration, read strictly.
//
// Invariants: no object in it has a key twice; strings are UTF-8 without NUL; wiped when it goes, since it can hold a
// password. Thread rule: [owner].
#pragma once

#include <cjson/cJSON.h>

#include <memory>
#include <string>
#include <string_view>

namespace cachecore_internal {

struct json_delete {
  void operator()(cJSON *node) const;
};
using json_document = std::unique_ptr<cJSON, json_delete>;

// Throws failure(INVALID_ARGUMENT), "<source>: line 1, column 9: ...", also when `text` is valid JSON and no object.
json_document parse_json_object(std::string_view text, std::string_view source);

// "a text", "a list", ...: for messages.
std::string_view json_kind(const cJSON *node);

}  // namespace cachecore_internal
