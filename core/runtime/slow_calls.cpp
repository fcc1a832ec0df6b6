#include "core/runtime/slow_calls.h"

#include <chrono>
#include <new>

#include "core/plugins/method.h"
#include "core/runtime/clock.h"

namespace cachecore_internal {

void slow_calls::set_threshold_ms(int64_t ms) noexcept {
  threshold_ns_.store(ms <= 0 || ms > INT64_MAX / ns_per_ms ? INT64_MAX : ms * ns_per_ms, std::memory_order_relaxed);
}

void slow_calls::add(const cachecore_method &method, int64_t took_ns, cachecore_status status) noexcept {
  if ((method.flags & CACHECORE_METHOD_STREAMING) != 0 || method.wait_parameter >= 0) return;
  count_.fetch_add(1, std::memory_order_relaxed);
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  try {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (calls_.size() >= kept) calls_.pop_front();
    calls_.push_back({method.name, now.count(), took_ns / 1'000, status});
  } catch (const std::bad_alloc &) {
    // It is counted; what it was is lost.
  }
}

std::vector<slow_call> slow_calls::newest(size_t most) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t count = std::min(most, calls_.size());
  return {calls_.rbegin(), calls_.rbegin() + static_cast<std::ptrdiff_t>(count)};
}

// The lock may have been held by a thread that does not exist here; what it guarded may be half changed.
void slow_calls::after_fork() noexcept {
  new (&mutex_) std::mutex();
  new (&calls_) std::deque<slow_call>();
}

}  // namespace cachecore_internal
