// policy.h: a cache as a replay sees it: a request for an object is a hit or a miss, and after a miss the object is
// there, if the policy lets it in.
//
// `l1` is the near cache of the plugin `cache`, its real code; the others are what it is compared with, as their papers
// describe them. What weighs more than the capacity is never let in.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace simulate {

struct capacity {
  uint64_t size = 0;
  bool of_objects = false;  // else of bytes
};

class policy {
 public:
  policy() = default;
  policy(const policy &) = delete;
  policy &operator=(const policy &) = delete;
  virtual ~policy() = default;

  // Whether it was a hit. `size`: bytes of the object; 1 when objects are counted.
  virtual bool request(uint64_t id, uint32_t size) = 0;
};

struct known_policy {
  const char *name;
  const char *what;
  std::unique_ptr<policy> (*make)(const capacity &);
};

// All of them; the first is ours.
const std::vector<known_policy> &policies();
// Null: there is none of that name.
const known_policy *find_policy(std::string_view name);

std::unique_ptr<policy> make_l1(const capacity &limit);
std::unique_ptr<policy> make_lru(const capacity &limit);
std::unique_ptr<policy> make_lfu(const capacity &limit);
std::unique_ptr<policy> make_sieve(const capacity &limit);
std::unique_ptr<policy> make_s3_fifo(const capacity &limit);

}  // namespace simulate
