#include "core/runtime/shards.h"

#include <bit>

namespace cachecore_internal {
namespace {

std::atomic<uint32_t> taken{0};  // a bit for each part with an owner

struct given_back_at_exit {
  bool owns = false;
  given_back_at_exit() = default;
  given_back_at_exit(const given_back_at_exit &) = delete;
  given_back_at_exit &operator=(const given_back_at_exit &) = delete;
  ~given_back_at_exit() {
    if (!owns || this_thread.shard == 0) return;
    const uint32_t shard = this_thread.shard - 1;
    this_thread.shard = shared_shard + 1;  // other thread-local destructors may count yet
    taken.fetch_and(~(1u << shard), std::memory_order_acq_rel);
  }
};

thread_local given_back_at_exit guard;

}  // namespace

uint32_t choose_shard() noexcept {
  uint32_t before = taken.load(std::memory_order_relaxed);
  uint32_t shard = shared_shard;
  while (true) {
    shard = static_cast<uint32_t>(std::countr_one(before));
    if (shard >= shared_shard) {
      shard = shared_shard;
      break;
    }
    if (taken.compare_exchange_weak(before, before | 1u << shard, std::memory_order_acq_rel)) {
      guard.owns = true;
      break;
    }
  }
  this_thread.shard = shard + 1;
  return shard;
}

void forget_shards_after_fork() noexcept {
  taken.store(0, std::memory_order_relaxed);
  guard.owns = false;
}

}  // namespace cachecore_internal
