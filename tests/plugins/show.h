// show.h: a value as text, for comparing: nil, true, 7, 2.5, some bytes, [a, b], {key: value}, !-12:message.
#pragma once

#include <cachecore/value.h>

#include <string>

inline std::string show(const cachecore_value &value) {
  std::string text;
  switch (value.kind) {
    case CACHECORE_NIL:
      return "nil";
    case CACHECORE_BOOL:
      return value.as.integer != 0 ? "true" : "false";
    case CACHECORE_INT:
      return std::to_string(value.as.integer);
    case CACHECORE_DOUBLE:
      text = std::to_string(value.as.real);
      return text.substr(0, text.find_last_not_of('0') + 1);
    case CACHECORE_BYTES:
      return std::string(value.as.bytes.data, value.as.bytes.size);
    case CACHECORE_LIST:
      for (size_t i = 0; i < value.as.list.count; i++) text += (i == 0 ? "" : ", ") + show(value.as.list.items[i]);
      return "[" + text + "]";
    case CACHECORE_MAP:
      for (size_t i = 0; i < value.as.map.count; i++) {
        text += (i == 0 ? "" : ", ") + show(value.as.map.pairs[i].key) + ": " + show(value.as.map.pairs[i].value);
      }
      return "{" + text + "}";
    default:
      return "!" + std::to_string(value.reserved) + ":" + std::string(value.as.bytes.data, value.as.bytes.size);
  }
}
