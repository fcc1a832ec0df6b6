// outage.h: whether it is worth asking Redis.
//
// Once Redis has not answered, lookups go on without it at once, and one of them in each retry_ms asks it again. So an
// outage costs the first callers their patience, and then one caller in a while, whose answer ends it for all.
//
// Thread rule: any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace cache_plugin {

class outage {
 public:
  static constexpr int64_t retry_ms = 250;

  // Whether the caller should ask.
  [[nodiscard]] bool may_ask(int64_t now_ms) noexcept {
    int64_t until = until_.load(std::memory_order_relaxed);
    if (until == 0) return true;
    if (now_ms < until) return false;
    return until_.compare_exchange_strong(until, now_ms + retry_ms, std::memory_order_relaxed);
  }

  // It did not answer. True: this is news.
  bool begins(int64_t now_ms) noexcept { return until_.exchange(now_ms + retry_ms, std::memory_order_relaxed) == 0; }
  // It did. True: this is news.
  bool ends() noexcept {
    return until_.load(std::memory_order_relaxed) != 0 && until_.exchange(0, std::memory_order_relaxed) != 0;
  }

 private:
  std::atomic<int64_t> until_{0};  // 0: it answers
};

}  // namespace cache_plugin
