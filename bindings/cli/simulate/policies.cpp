// policies.cpp: the list of them.
#include "policy.h"

namespace simulate {

const std::vector<known_policy> &policies() {
  static const std::vector<known_policy> all = {
      {"l1", "the near cache of the plugin cache: window-TinyLFU with an adaptive window", make_l1},
      {"lru", "what was used longest ago goes", make_lru},
      {"lfu", "what was used least often while it was there goes, of equals what was used longest ago", make_lfu},
      {"sieve", "SIEVE (NSDI 2024)", make_sieve},
      {"s3fifo", "S3-FIFO (SOSP 2023)", make_s3_fifo},
  };
  return all;
}

const known_policy *find_policy(std::string_view name) {
  for (const known_policy &known : policies()) {
    if (name == known.name) return &known;
  }
  return nullptr;
}

}  // namespace simulate
