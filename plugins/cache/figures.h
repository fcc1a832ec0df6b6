// figures.h: what is counted for cache.stats and the core's metrics.
//
// Thread rule: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cache_plugin {

// A counter that threads do not fight for: each counts on a line of its own, chosen by where its stack lies.
class spread_counter {
 public:
  void operator++(int) noexcept {
    const auto stack = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    // Stacks lie megabytes apart; their distances are no powers of two in general.
    lines_[(stack >> 16 ^ stack >> 21) % lines_.size()].count.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] int64_t load() const noexcept {
    int64_t sum = 0;
    for (const line &each : lines_) sum += each.count.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) line {
    std::atomic<int64_t> count{0};
  };
  std::array<line, 8> lines_;
};

// Every lookup and get counts as one of hits, near_hits, stale, misses and refused.
struct figures {
  spread_counter hits;       // in Redis
  spread_counter near_hits;  // of copies
  std::atomic<int64_t> misses{0};
  std::atomic<int64_t> stale{0};
  std::atomic<int64_t> loads{0};       // leases handed out
  std::atomic<int64_t> failures{0};    // loads that failed, or did not end in time
  std::atomic<int64_t> refreshes{0};   // of the loads, those begun while the value was fresh
  std::atomic<int64_t> waiting{0};     // lookups that wait for a load now
  std::atomic<int64_t> away{0};        // lookups that went on without Redis
  std::atomic<int64_t> refused{0};     // lookups of keys that the region's filter does not know
  std::atomic<int64_t> unreadable{0};  // entries that could not be opened: sealed with a key that is not known here
};

}  // namespace cache_plugin
