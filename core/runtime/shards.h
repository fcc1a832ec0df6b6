// shards.h: counters that many threads change at once.
//
// A counter is parted; each of the first fifteen living threads has a part of its own, which it changes by plain loads
// and stores; all others share the last one. A part is handed from a thread that ends to one that begins.
//
// Thread rule: any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/runtime/executor.h"

namespace cachecore_internal {

constexpr uint32_t shard_count = 16;
constexpr uint32_t shared_shard = shard_count - 1;

uint32_t choose_shard() noexcept;
// In the child of a fork: the parent's threads do not exist.
void forget_shards_after_fork() noexcept;

// The part of this thread.
inline uint32_t shard_of_this_thread() noexcept {
  const uint32_t shard = this_thread.shard;
  return shard != 0 ? shard - 1 : choose_shard();
}

// Adds to this thread's part `shard` of a counter. What was written before is seen by whoever sees the sum.
template <class Number, class Delta>
void add_to_shard(std::atomic<Number> &part, uint32_t shard, Delta delta) noexcept {
  if (shard != shared_shard) {
    part.store(part.load(std::memory_order_relaxed) + static_cast<Number>(delta), std::memory_order_release);
  } else {
    part.fetch_add(static_cast<Number>(delta), std::memory_order_release);
  }
}

// The sum is exact when nobody changes it.
class sharded_counter {
 public:
  void add(int64_t delta) noexcept {
    const uint32_t mine = shard_of_this_thread();
    add_to_shard(shards_[mine].value, mine, delta);
  }
  // The same; and either this thread sees what the one that sums up did before, or that one sees this.
  void add_in_order(int64_t delta) noexcept {
    shards_[shard_of_this_thread()].value.fetch_add(delta, std::memory_order_seq_cst);
  }
  [[nodiscard]] int64_t sum() const noexcept {
    int64_t total = 0;
    for (const shard &each : shards_) total += each.value.load(std::memory_order_seq_cst);
    return total;
  }

 private:
  struct alignas(64) shard {
    std::atomic<int64_t> value{0};
  };
  shard shards_[shard_count];
};

}  // namespace cachecore_internal
