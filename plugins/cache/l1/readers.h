// readers.h: who is reading, and what was hit: one lane for each CPU.
//
// A lane has two counters of readers inside, one for even and one for odd epochs, and a ring of recorded hits. A reader
// counts itself in under the present epoch, looks at the epoch again (it may have moved in between; then the reader
// counts itself out and tries again), reads, and counts itself out in the same lane, even if the thread has moved to
// another CPU.
//
// The writer frees what it took out of the table as follows. The epoch moves from E to E+1 only when no reader of E-1
// is left. Whoever can hold something that was taken out in epoch X looked at the epoch before, so has counted itself
// in under X or earlier, and the epoch does not reach X+2 while it is inside. So at X+2 it is free to go. With nobody
// inside the epoch moves twice at once, and what was taken out is freed on the spot.
//
// The CPU's number comes from the kernel's restartable sequences (sched_getcpu), a few instructions. It only spreads
// readers: that two threads use one lane is right, but slower.
//
// Thread rule: `reading` and `record` any thread; the rest is the writer's, with its mutex held.
#pragma once

#include <sched.h>

#include <array>
#include <memory>

#include "copy.h"

namespace cache_plugin {

class near_readers {
 public:
  static constexpr size_t ring_size = 32;
  static constexpr size_t most_lanes = 64;

  struct alignas(64) lane {
    std::array<std::atomic<uint64_t>, 2> inside{};
    // Not exact: two threads in one lane may write the same slot, and one of the hits is lost.
    std::atomic<uint32_t> next{0};
    std::atomic<uint32_t> random{1};
    alignas(64) std::array<std::atomic<copy_block *>, ring_size> ring{};
  };

  // 0: one for each CPU.
  explicit near_readers(size_t lanes);

  // Inside while it exists.
  class reading {
   public:
    explicit reading(near_readers &readers) noexcept : lane_(readers.here()) {
      for (;;) {
        const uint64_t epoch = readers.epoch_.load();
        parity_ = epoch & 1;
        lane_.inside[parity_].fetch_add(1);
        if (readers.epoch_.load() == epoch) return;
        lane_.inside[parity_].fetch_sub(1);
      }
    }
    reading(const reading &) = delete;
    reading &operator=(const reading &) = delete;
    ~reading() { lane_.inside[parity_].fetch_sub(1, std::memory_order_release); }

    // Writes down that a copy was hit, one time of `sampling`, never if that is 0. True: the ring has come round, the
    // writer's turn.
    [[nodiscard]] bool record(copy_block *hit, unsigned sampling) noexcept {
      if (sampling != 1 && (sampling == 0 || !is_chosen(sampling))) return false;
      const uint32_t at = lane_.next.load(std::memory_order_relaxed);
      lane_.ring[at % ring_size].store(hit, std::memory_order_relaxed);
      lane_.next.store(at + 1, std::memory_order_relaxed);
      return at % ring_size == ring_size - 1;
    }

   private:
    bool is_chosen(unsigned sampling) noexcept {
      const uint32_t random = lane_.random.load(std::memory_order_relaxed) * 1664525 + 1013904223;
      lane_.random.store(random, std::memory_order_relaxed);
      return (uint64_t{random} * sampling) >> 32 == 0;
    }

    lane &lane_;
    size_t parity_;
  };

  // Gives each recorded hit to `apply(copy_block &)`, once. May leave out lanes where threads were in each other's way.
  template <typename Apply>
  void take_recorded(Apply &&apply) {
    for (size_t i = 0; i <= mask_; i++) {
      if (lanes_[i].next.load(std::memory_order_relaxed) != taken_[i]) take_of(i, apply);
    }
  }
  // Afterwards no ring names what no reader could record any more.
  template <typename Apply>
  void take_all_recorded(Apply &&apply) {
    for (size_t i = 0; i <= mask_; i++) take_of(i, apply);
  }

  [[nodiscard]] uint64_t epoch() const noexcept { return epoch_.load(); }
  // Moves to the next epoch if no reader of the last one is left.
  bool advance() noexcept;

  [[nodiscard]] size_t bytes() const noexcept { return bytes_; }

 private:
  [[nodiscard]] lane &here() noexcept {
    const int cpu = mask_ == 0 ? 0 : sched_getcpu();
    return lanes_[static_cast<size_t>(cpu < 0 ? 0 : cpu) & mask_];
  }

  // In the order in which they were written: the oldest is where the next one goes.
  template <typename Apply>
  void take_of(size_t lane_number, Apply &&apply) {
    lane &from = lanes_[lane_number];
    const uint32_t next = from.next.load(std::memory_order_relaxed);
    taken_[lane_number] = next;
    for (size_t i = 0; i < ring_size; i++) {
      auto &slot = from.ring[(next + i) % ring_size];
      if (slot.load(std::memory_order_relaxed) == nullptr) continue;
      if (copy_block *hit = slot.exchange(nullptr, std::memory_order_relaxed)) apply(*hit);
    }
  }

  size_t mask_;
  std::unique_ptr<lane[]> lanes_;
  std::unique_ptr<uint32_t[]> taken_;
  size_t bytes_;
  alignas(64) std::atomic<uint64_t> epoch_{2};
};

}  // namespace cache_plugin
