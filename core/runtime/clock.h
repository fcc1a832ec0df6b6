// clock.h: the clock deadlines are measured with.
#pragma once

#include <cstdint>
#include <ctime>
#include <limits>

namespace cachecore_internal {

constexpr int64_t no_deadline = std::numeric_limits<int64_t>::max();
constexpr int64_t ns_per_ms = 1'000'000;

// Nanoseconds of CLOCK_MONOTONIC.
inline int64_t now_ns() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Nanoseconds of CLOCK_BOOTTIME, which counts while the machine sleeps.
inline int64_t boot_ns() noexcept {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The moment `ms` from now; saturates.
inline int64_t deadline_after_ms(int64_t ms) noexcept {
  if (ms < 0 || ms > int64_t{1'000'000'000'000}) return no_deadline;
  return now_ns() + ms * ns_per_ms;
}

// Whole milliseconds until `deadline`, rounded up, at least 0; -1 for none.
inline int64_t ms_until(int64_t deadline) noexcept {
  if (deadline == no_deadline) return -1;
  const int64_t left = deadline - now_ns();
  return left <= 0 ? 0 : (left + ns_per_ms - 1) / ns_per_ms;
}

}  // namespace cachecore_internal
