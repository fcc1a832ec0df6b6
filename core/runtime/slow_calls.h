// slow_calls.h: the last calls that took longer than somebody wants them to.
//
// Nothing is kept until a threshold is set. A call that stays below it costs one comparison with a clock that was read
// anyway; one above it takes a mutex. Calls that are meant to wait (streams, methods with a wait parameter) do not
// count, nor do those that never waited for anything: their time is not measured.
//
// Thread rule: any thread. Lives as long as its core, across resets.
#pragma once

#include <cachecore/error.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

struct cachecore_method;

namespace cachecore_internal {

struct slow_call {
  std::string method;
  int64_t ended_at_ms;  // since 1970
  int64_t took_us;
  cachecore_status status;
};

class slow_calls {
 public:
  static constexpr size_t kept = 128;

  // Not positive: none.
  void set_threshold_ms(int64_t ms) noexcept;
  [[nodiscard]] bool is_slow(int64_t took_ns) const noexcept {
    return took_ns >= threshold_ns_.load(std::memory_order_relaxed);
  }
  void add(const cachecore_method &method, int64_t took_ns, cachecore_status status) noexcept;

  // The newest first.
  [[nodiscard]] std::vector<slow_call> newest(size_t most) const;
  [[nodiscard]] uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

  void after_fork() noexcept;

 private:
  std::atomic<int64_t> threshold_ns_{INT64_MAX};
  std::atomic<uint64_t> count_{0};  // ever seen
  mutable std::mutex mutex_;
  std::deque<slow_call> calls_;  // the newest last
};

}  // namespace cachecore_internal
