// eviction.h: which copy goes when there is no room: window-TinyLFU with a window that finds its size.
//
// Three queues, each from the copy that was used longest ago to the one used last:
//
//     queue      holds                          a copy that is used      a copy too many
//     ---------  -----------------------------  -----------------------  ----------------------------------------------
//     window     what came last                 goes to its end          is a candidate for probation
//     probation  the first to go                goes to protected        -
//     protected  what was used in probation     goes to its end          goes to the end of probation
//
// A candidate goes to probation if there is room; else it has to be used more often (sketch.h) than all those together
// that would have to go for it, from the front of probation on; otherwise it goes itself. So a scan passes through the
// window and leaves the rest alone. One candidate in 128 that loses to equals that are used often is let in all the
// same, so that nobody can pin a cache with keys that share counters (as Caffeine does).
//
// A copy that has ended counts as never used.
//
// The window starts at a hundredth. After every ten uses a copy, the hit ratio is compared with that of the ten before:
// while it rises the window goes on to grow or shrink, when it falls it turns round; each step is a little smaller than
// the last, until the ratio jumps, which means another workload (climber.h). Protected is four fifths of what the
// window leaves.
//
// Queues have a size in bytes and in copies, as the limits have, and are too large when they are so in either.
//
// An order that is exact costs two cache misses a use. So a copy that was moved within the last sixteenth of a turn
// (as many uses as there are copies) stays where it is.
//
// Thread rule: the writer's, with its mutex held.
#pragma once

#include "climber.h"
#include "queue.h"
#include "sketch.h"

namespace cache_plugin {

class near_eviction {
 public:
  // max_entries 0: no bound. Throws std::bad_alloc.
  near_eviction(size_t max_entries, bool sizes_only, uint64_t seed);

  // What all copies together may take from now on.
  void allow(size_t max_bytes) noexcept { limit_.bytes = max_bytes; }

  // Bytes that the sketch and the ghosts should take more, now that there are so many copies; 0 most of the time.
  [[nodiscard]] size_t growth() const noexcept;
  void grow() noexcept;

  void add(copy_block &made) noexcept;
  void use(copy_block &hit) noexcept;
  // For want of room, or for another reason.
  void evict(copy_block &gone) noexcept;
  void remove(copy_block &gone) noexcept;
  // `made` takes the place of `gone`, a copy of the same key, and counts as used.
  void replace(copy_block &gone, copy_block &made) noexcept;

  // The next that has to go, still in its queue; null when there is room. Asked after every add and replace until it
  // says null, since it also moves copies between the queues.
  [[nodiscard]] copy_block *next_to_go(int64_t now_ms) noexcept;

  [[nodiscard]] queue_size held() const noexcept { return held_; }
  [[nodiscard]] size_t weight_of(const copy_block &block) const noexcept;
  // One of so many hits should be recorded, at random; 0: none. While there is room for as much again, none is of use.
  // When nearly all are hits, hardly anything is evicted, and the order matters less than what it costs.
  [[nodiscard]] unsigned sampling() const noexcept { return is_above(held_, 0.5) ? sampling_ : 0; }
  [[nodiscard]] double window() const noexcept { return climber_.window(); }
  // Of the sketch and the ghosts.
  [[nodiscard]] size_t bytes() const noexcept { return sketch_.bytes() + climber_.bytes(); }

 private:
  enum : uint16_t { in_none, in_window, in_probation, in_protected };

  [[nodiscard]] copy_queue &queue_of(const copy_block &block) noexcept { return queues_[block.queue() - 1]; }
  [[nodiscard]] copy_queue &window_queue() noexcept { return queues_[in_window - 1]; }
  [[nodiscard]] copy_queue &probation() noexcept { return queues_[in_probation - 1]; }
  [[nodiscard]] copy_queue &protected_queue() noexcept { return queues_[in_protected - 1]; }
  // Whether it is more than this part of the limits.
  [[nodiscard]] bool is_above(const queue_size &size, double part) const noexcept;
  [[nodiscard]] bool is_full() const noexcept { return is_above(held_, 1); }

  void move_to(uint16_t queue, copy_block &moved) noexcept;
  void tick(unsigned uses) noexcept;
  void demote() noexcept;
  void widen_window() noexcept;
  [[nodiscard]] double turns_since(const copy_block &block) const noexcept;
  [[nodiscard]] bool wins(const copy_block &candidate, int64_t now_ms) noexcept;
  [[nodiscard]] unsigned worth(const copy_block &block, int64_t now_ms) const noexcept;

  const bool sizes_only_;
  queue_size limit_;
  queue_size held_;
  std::array<copy_queue, 3> queues_;
  near_sketch sketch_;
  near_climber climber_;
  const copy_block *winner_ = nullptr;  // the candidate that was let in, until it is
  uint64_t random_;
  size_t uses_ = 0;    // since `turn_` last rose
  size_t misses_ = 0;  // in this turn
  unsigned sampling_ = 1;
  uint16_t turn_ = 0;  // rises sixteen times a turn
};

}  // namespace cache_plugin
