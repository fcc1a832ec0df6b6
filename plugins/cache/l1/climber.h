// climber.h: how large the window should be: uphill on the hit ratio.
//
// Einziger, Eytan, Friedman and Manes ("Adaptive Software Cache Management", 2018) find the way up by trying: they take
// a step, and turn round when the hit ratio falls. Between two samples of a small cache, or of a trace that changes,
// the ratio differs by more than what a step brings, so the window strays: on a trace where all is recency
// (workloads.h, shifting) a cache of 1,000 objects ended 2.7 points below LRU, one of 100 9 points. So the slope itself
// is measured here, from what happens on both sides of the two borders:
//
//     a larger window is worth it      a miss of a key that lately fell out of the window and was not let in
//                                      a hit in the end of the window that it has only since it grew
//     a larger main part is worth it   a miss of a key that lately had to go from the main part
//                                      a hit in probation, the fifth of the main part that goes first
//
// each in proportion to the part of the cache that it speaks for. The first and third come from ghosts: 4 bytes for
// each key that went lately, in a table where the newer one takes the place of the older (the idea is ARC's: Megiddo,
// Modha, FAST 2003; what ARC lacks is what the present size is worth, so it is led astray by loops). A large cache
// keeps ghosts of some of its keys only, chosen by their hash.
//
// Once a turn (as many uses as there are copies) the window moves by at most a twentieth, in proportion to how much one
// side outweighs the other; as long as it goes on in one direction, faster, up to a fifth. On the same traces that ends
// within a point of the best fixed window.
//
// Thread rule: the writer's, with its mutex held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace cache_plugin {

class near_climber {
 public:
  static constexpr double least = 0.01;
  static constexpr double largest = 0.99;
  // Of the main part.
  static constexpr double protected_part = 0.8;

  // For so many copies. Throws std::bad_alloc.
  explicit near_climber(size_t copies);
  // The same later on; without memory it stays as it is.
  void fit(size_t copies) noexcept;
  // Bytes that it takes more then.
  [[nodiscard]] size_t growth(size_t copies) const noexcept;

  [[nodiscard]] double window() const noexcept { return window_; }

  // A copy had to go. `part`: of the limits, that it took; `turns`: since it was last moved.
  void went(uint32_t hash, bool from_window, double part, double turns) noexcept;
  void missed(uint32_t hash) noexcept;
  // `uses` that one was recorded for.
  void hit_in_window(double turns, unsigned uses) noexcept;
  void hit_in_probation(unsigned uses) noexcept;

  // Takes a step.
  void step() noexcept;

  [[nodiscard]] size_t bytes() const noexcept { return 2 * slots_ * sizeof(ghost); }

 private:
  enum side : size_t { window_side, main_side };

  struct ghost {
    uint16_t print = 0;  // 0: none
    uint16_t went_at = 0;
  };
  // What fell out on one side within the last eighth of a turn of that side.
  struct ghosts {
    std::unique_ptr<ghost[]> at;
    double clock = 0;  // turns
  };

  [[nodiscard]] static size_t slots_for(size_t copies) noexcept;
  [[nodiscard]] ghost *ghost_of(side of, uint64_t mixed) const noexcept;
  [[nodiscard]] static uint16_t print_of(uint64_t mixed) noexcept;
  [[nodiscard]] static uint16_t ticks_of(double turns) noexcept;

  size_t slots_ = 0;
  uint64_t sample_mask_ = 0;
  std::array<ghosts, 2> gone_;
  std::array<double, 2> gained_{};  // misses that would have been hits
  double window_end_hits_ = 0;
  double probation_hits_ = 0;
  double lifetime_ = 0;  // turns that a copy spends in the window, about
  double window_ = least;
  double speed_;
  double last_move_ = 0;
};

}  // namespace cache_plugin
