// copies.h: what the tests of the near cache share.
#pragma once

#include <optional>
#include <string>

#include "plugins/cache/l1/hash.h"
#include "plugins/cache/l1/l1.h"

namespace l1_test {

using cache_plugin::copy_facts;
using cache_plugin::copy_view;
using cache_plugin::near_cache;
using cache_plugin::near_limits;

inline uint64_t hash_of(std::string_view key) { return cache_plugin::near_hash(key, 1); }

inline copy_facts until(int64_t ms) {
  copy_facts facts;
  facts.fresh_until_ms = facts.stale_until_ms = ms;
  return facts;
}

inline near_cache::outcome put(near_cache &l1, std::string_view key, std::string_view value,
                               const copy_facts &facts = until(1'000)) {
  return l1.put(key, hash_of(key), facts, value, l1.expect(hash_of(key)), 0);
}

inline std::optional<std::string> get(near_cache &l1, std::string_view key) {
  std::optional<std::string> out;
  (void)l1.find(key, hash_of(key), [&](const copy_view &copy) {
    out = copy.value();
    return true;
  });
  return out;
}

inline bool erase(near_cache &l1, std::string_view key) { return l1.erase(key, hash_of(key)); }

// What a file of this program tests; main.cpp runs them all.
int near_cache_tests();
int memory_tests();
int eviction_tests();
int simulate_tests();

}  // namespace l1_test
