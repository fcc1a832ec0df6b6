// jitter.h: numbers that keep many clients from doing the same thing at the same moment. Not for secrets.
//
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <random>

namespace cachecore_internal {

// From 0 to `limit`, both included.
inline uint64_t jitter(uint64_t limit) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_int_distribution<uint64_t>(0, limit)(generator);
}

}  // namespace cachecore_internal
