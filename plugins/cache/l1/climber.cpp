// climber.cpp: ghosts and steps.
#include "climber.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <new>
#include <utility>

#include "mix.h"

namespace cache_plugin {

namespace {

// How much of the cache a ghost list speaks for.
constexpr double ghost_part = 0.125;
constexpr size_t fewest_slots = 64;
constexpr size_t most_slots = 2048;
constexpr double ticks_a_turn = 1024;
constexpr double slowest = 0.05;
constexpr double fastest = 0.2;
constexpr double faster = 1.5;
constexpr double clear_majority = 0.5;
constexpr double lifetime_weight = 0.02;
// Of a main part that is next to nothing, the fifth has hits that are not marginal any more.
constexpr double smallest_probation = 0.03;

// Keys that a ghost list of so many copies speaks for.
size_t remembered_of(size_t copies) noexcept { return static_cast<size_t>(ghost_part * static_cast<double>(copies)); }

}  // namespace

near_climber::near_climber(size_t copies) : speed_(slowest) {
  fit(copies);
  if (slots_ == 0) throw std::bad_alloc();
}

size_t near_climber::slots_for(size_t copies) noexcept {
  return std::bit_ceil(std::clamp(2 * remembered_of(copies), fewest_slots, most_slots));
}

size_t near_climber::growth(size_t copies) const noexcept {
  const size_t slots = slots_for(copies);
  return slots > slots_ ? 2 * (slots - slots_) * sizeof(ghost) : 0;
}

void near_climber::fit(size_t copies) noexcept {
  const size_t slots = slots_for(copies);
  sample_mask_ = std::bit_ceil(std::max<size_t>(2 * remembered_of(copies) / slots, 1)) - 1;
  if (slots == slots_) return;
  std::array<std::unique_ptr<ghost[]>, 2> made;
  for (auto &each : made) {
    each.reset(new (std::nothrow) ghost[slots]);
    if (each == nullptr) return;
  }
  for (size_t i = 0; i < made.size(); i++) gone_[i].at = std::move(made[i]);
  slots_ = slots;
}

near_climber::ghost *near_climber::ghost_of(side of, uint64_t mixed) const noexcept {
  if ((mixed & sample_mask_) != 0) return nullptr;
  return &gone_[of].at[(mixed >> 40) & (slots_ - 1)];
}

uint16_t near_climber::print_of(uint64_t mixed) noexcept { return static_cast<uint16_t>(mixed >> 16) | 1; }

uint16_t near_climber::ticks_of(double turns) noexcept {
  return static_cast<uint16_t>(static_cast<uint64_t>(turns * ticks_a_turn));
}

void near_climber::went(uint32_t hash, bool from_window, double part, double turns) noexcept {
  const side of = from_window ? window_side : main_side;
  gone_[of].clock += part;
  if (from_window) lifetime_ += (turns - lifetime_) * lifetime_weight;
  const uint64_t mixed = near_mix(hash);
  ghost *at = ghost_of(of, mixed);
  if (at != nullptr) *at = {print_of(mixed), ticks_of(gone_[of].clock)};
}

void near_climber::missed(uint32_t hash) noexcept {
  const uint64_t mixed = near_mix(hash);
  for (const side of : {window_side, main_side}) {
    ghost *at = ghost_of(of, mixed);
    if (at == nullptr || at->print != print_of(mixed)) continue;
    const auto since = static_cast<uint16_t>(ticks_of(gone_[of].clock) - at->went_at);
    *at = {};
    if (since <= ghost_part * ticks_a_turn) gained_[of]++;
  }
}

void near_climber::hit_in_window(double turns, unsigned uses) noexcept {
  if (window_ >= 2 * ghost_part && turns > lifetime_ * (1 - ghost_part / window_)) window_end_hits_ += uses;
}

void near_climber::hit_in_probation(unsigned uses) noexcept { probation_hits_ += uses; }

void near_climber::step() noexcept {
  const auto sampled = static_cast<double>(sample_mask_ + 1);
  double for_window = gained_[window_side] * sampled / ghost_part;
  if (window_ >= 2 * ghost_part) for_window = (for_window + window_end_hits_ / ghost_part) / 2;
  const double probation = std::max((1 - protected_part) * (1 - window_), smallest_probation);
  const double for_main = (gained_[main_side] * sampled / ghost_part + probation_hits_ / probation) / 2;
  gained_ = {};
  window_end_hits_ = probation_hits_ = 0;
  if (for_window + for_main <= 0) return;
  const double majority = (for_window - for_main) / (for_window + for_main);
  const bool goes_on = std::fabs(majority) > clear_majority && majority * last_move_ > 0;
  speed_ = goes_on ? std::min(speed_ * faster, fastest) : slowest;
  last_move_ = speed_ * majority;
  window_ = std::clamp(window_ + last_move_, least, largest);
}

}  // namespace cache_plugin
