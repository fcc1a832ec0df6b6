// value_store.h: the memory behind values that the program makes.
//
// A cachecore_value borrows what it points to; a store owns it. What it returned stays valid until the store is gone,
// also when the store was moved.
//
// Thread rule: main thread only.
#pragma once

#include <cachecore/value.h>

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core_handle.h"

namespace cachectl {

inline std::string_view view_of(const cachecore_value &bytes) {
  return bytes.as.bytes.size == 0 ? std::string_view() : std::string_view(bytes.as.bytes.data, bytes.as.bytes.size);
}

class value_store {
 public:
  cachecore_value bytes(std::string text) {
    const std::string &kept = texts_.emplace_back(std::move(text));
    return cachecore_bytes(kept.data(), kept.size());
  }

  cachecore_value list(std::vector<cachecore_value> items) {
    const auto &kept = lists_.emplace_back(std::move(items));
    return cachecore_list(kept.data(), kept.size());
  }

  cachecore_value map(std::vector<cachecore_pair> pairs) {
    const auto &kept = maps_.emplace_back(std::move(pairs));
    return cachecore_map(kept.data(), kept.size());
  }

  // Reads one JSON text; throws the failure the library reports.
  cachecore_value json(std::string_view text) { return result(decode_json(text)); }

  cachecore_value result(result_pointer answer) {
    return *cachecore_result_value(results_.emplace_back(std::move(answer)).get());
  }

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<cachecore_value>> lists_;
  std::deque<std::vector<cachecore_pair>> maps_;
  std::deque<result_pointer> results_;
};

inline cachecore_pair pair_of(const char *key, cachecore_value value) { return {cachecore_text(key), value}; }

}  // namespace cachectl
