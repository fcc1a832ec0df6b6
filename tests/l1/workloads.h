// workloads.h: synthetic traces, the same at every run: what caches are compared on.
//
// Thread rule: any.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace workloads {

// Numbers 0..count-1, the k-th with a probability in proportion to 1 / (k+1)^skew.
class zipf {
 public:
  zipf(size_t count, double skew) : sums_(count) {
    double sum = 0;
    for (size_t k = 0; k < count; k++) sums_[k] = sum += 1 / std::pow(static_cast<double>(k + 1), skew);
  }

  template <typename Random>
  uint64_t operator()(Random &random) const {
    const double at = static_cast<double>(random() >> 11) * 0x1p-53 * sums_.back();
    return static_cast<uint64_t>(std::upper_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

struct workload {
  std::string name;
  std::vector<uint64_t> requests;
};

// Popularity that stays: what frequency is good for.
inline workload zipfian(size_t capacity, size_t requests) {
  std::mt19937_64 random(1);
  const zipf popular(capacity * 20, 0.9);
  workload made{"zipf", {}};
  for (size_t i = 0; i < requests; i++) made.requests.push_back(popular(random));
  return made;
}

// The same, and every now and then objects that are asked for once, one after the other.
inline workload scanning(size_t capacity, size_t requests) {
  std::mt19937_64 random(2);
  const zipf popular(capacity * 10, 0.9);
  workload made{"scan", {}};
  uint64_t fresh = uint64_t{1} << 40;
  while (made.requests.size() < requests) {
    for (size_t i = 0; i < capacity * 3; i++) made.requests.push_back(popular(random));
    for (size_t i = 0; i < capacity * 2; i++) made.requests.push_back(fresh++);
  }
  made.requests.resize(requests);
  return made;
}

// Round and round over half as much again as there is room for: what recency is bad at.
inline workload looping(size_t capacity, size_t requests) {
  workload made{"loop", {}};
  for (size_t i = 0; i < requests; i++) made.requests.push_back(i % (capacity + capacity / 2));
  return made;
}

// What is popular changes all the time, as news do: what frequency is bad at.
inline workload shifting(size_t capacity, size_t requests) {
  std::mt19937_64 random(3);
  const zipf recent(capacity * 4, 0.8);
  workload made{"shifting", {}};
  for (size_t i = 0; i < requests; i++) {
    const uint64_t newest = (uint64_t{1} << 32) + i / 4;
    made.requests.push_back(newest - recent(random));
  }
  return made;
}

inline std::vector<workload> all(size_t capacity, size_t requests) {
  return {zipfian(capacity, requests), scanning(capacity, requests), looping(capacity, requests),
          shifting(capacity, requests)};
}

}  // namespace workloads
