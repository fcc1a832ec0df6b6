// eviction.cpp: the three queues.
#include "eviction.h"

#include <malloc.h>

namespace cache_plugin {

namespace {

constexpr unsigned often = 6;
constexpr uint64_t let_in_mask = 127;
// What is done at most in one go, so that nobody waits for a large cache that changes its shape.
constexpr size_t most_moves = 64;
constexpr size_t most_victims = 256;
constexpr size_t first_sketch = 256;
constexpr size_t parts_of_a_turn = 16;
// With less than one miss in so many uses, one hit in so many is recorded.
constexpr size_t few_misses = 32;
constexpr unsigned sampled = 8;

}  // namespace

near_eviction::near_eviction(size_t max_entries, bool sizes_only, uint64_t seed)
    : sizes_only_(sizes_only),
      limit_{0, max_entries},
      sketch_(max_entries == 0 ? first_sketch : std::min(max_entries, first_sketch)),
      climber_(sketch_.copies()),
      random_(seed | 1) {}

size_t near_eviction::weight_of(const copy_block &block) const noexcept {
  if (sizes_only_) return block.value_size;
  // The size of the chunk with the word that malloc keeps before it.
  return malloc_usable_size(const_cast<copy_block *>(&block)) + sizeof(size_t);
}

bool near_eviction::is_above(const queue_size &size, double part) const noexcept {
  if (static_cast<double>(size.bytes) > part * static_cast<double>(limit_.bytes)) return true;
  if (limit_.entries == 0) return false;
  return static_cast<double>(size.entries) > std::max(part * static_cast<double>(limit_.entries), 1.0);
}

void near_eviction::move_to(uint16_t queue, copy_block &moved) noexcept {
  const size_t weight = weight_of(moved);
  if (moved.queue() != in_none) queue_of(moved).remove(moved, weight);
  moved.set_queue(queue);
  if (queue != in_none) queue_of(moved).push_back(moved, weight);
  moved.set_moved(turn_);
}

void near_eviction::tick(unsigned uses) noexcept {
  uses_ += uses;
  if (uses_ * parts_of_a_turn < held_.entries) return;
  uses_ = 0;
  if (++turn_ % parts_of_a_turn != 0) return;
  sampling_ = misses_ * few_misses < held_.entries ? sampled : 1;
  misses_ = 0;
  if (is_above(held_, 0.5)) climber_.step();
}

double near_eviction::turns_since(const copy_block &block) const noexcept {
  return static_cast<double>(static_cast<uint16_t>(turn_ - block.moved())) / double{parts_of_a_turn};
}

size_t near_eviction::growth() const noexcept {
  const size_t of_sketch = sketch_.growth(held_.entries);
  return of_sketch == 0 ? 0 : of_sketch + climber_.growth(2 * sketch_.copies());
}

void near_eviction::grow() noexcept {
  sketch_.fit(held_.entries);
  climber_.fit(sketch_.copies());
}

void near_eviction::add(copy_block &made) noexcept {
  held_.bytes += weight_of(made);
  held_.entries++;
  sketch_.count(made.hash, 1);
  climber_.missed(made.hash);
  misses_++;
  tick(1);
  made.set_queue(in_none);
  move_to(in_window, made);
  demote();
}

void near_eviction::use(copy_block &hit) noexcept {
  if (hit.queue() == in_none) return;  // it has been taken out since
  sketch_.count(hit.hash, sampling_);
  tick(sampling_);
  if (hit.queue() == in_window) climber_.hit_in_window(turns_since(hit), sampling_);
  if (hit.queue() == in_probation) {
    climber_.hit_in_probation(sampling_);
    move_to(in_protected, hit);
  } else if (hit.moved() != turn_) {
    move_to(hit.queue(), hit);
  }
  demote();
}

void near_eviction::remove(copy_block &gone) noexcept {
  if (gone.queue() == in_none) return;
  held_.bytes -= weight_of(gone);
  held_.entries--;
  if (winner_ == &gone) winner_ = nullptr;
  move_to(in_none, gone);
}

void near_eviction::evict(copy_block &gone) noexcept {
  double part = static_cast<double>(weight_of(gone)) / static_cast<double>(std::max<size_t>(limit_.bytes, 1));
  if (limit_.entries > 0) part = std::max(part, 1 / static_cast<double>(limit_.entries));
  climber_.went(gone.hash, gone.queue() == in_window, part, turns_since(gone));
  remove(gone);
}

void near_eviction::replace(copy_block &gone, copy_block &made) noexcept {
  const uint16_t queue = gone.queue();
  remove(gone);
  held_.bytes += weight_of(made);
  held_.entries++;
  sketch_.count(made.hash, 1);
  tick(1);
  made.set_queue(in_none);
  move_to(queue == in_probation ? uint16_t{in_protected} : queue, made);
}

// What protected has too many of.
void near_eviction::demote() noexcept {
  const double most = near_climber::protected_part * (1 - climber_.window());
  for (size_t i = 0; i < most_moves && is_above(protected_queue().size(), most); i++) {
    move_to(in_probation, *protected_queue().front());
  }
}

// The front of probation goes to the window's end while the window is smaller than it may be.
void near_eviction::widen_window() noexcept {
  if (!is_above(held_, 0.98)) return;
  for (size_t i = 0; i < most_moves; i++) {
    copy_block *moved = probation().front();
    if (moved == nullptr) moved = protected_queue().front();
    if (moved == nullptr) return;
    const queue_size wider{window_queue().size().bytes + weight_of(*moved), window_queue().size().entries + 1};
    if (is_above(wider, climber_.window())) return;
    move_to(in_window, *moved);
  }
}

unsigned near_eviction::worth(const copy_block &block, int64_t now_ms) const noexcept {
  return block.stale_until_ms() <= now_ms ? 0 : sketch_.estimate(block.hash);
}

bool near_eviction::wins(const copy_block &candidate, int64_t now_ms) noexcept {
  const unsigned its_worth = worth(candidate, now_ms);
  queue_size left = held_;
  unsigned sum = 0;
  size_t victims = 0;
  for (const uint16_t queue : {in_probation, in_protected}) {
    for (const copy_block *victim = queues_[queue - 1].front(); victim != nullptr && is_above(left, 1);
         victim = victim->next()) {
      left.bytes -= weight_of(*victim);
      left.entries--;
      sum += worth(*victim, now_ms);
      if (sum >= its_worth || ++victims > most_victims) {
        if (its_worth < often) return false;
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        return (random_ & let_in_mask) == 0;
      }
    }
  }
  return !is_above(left, 1);
}

copy_block *near_eviction::next_to_go(int64_t now_ms) noexcept {
  // What has ended and is the first of its queue goes without a contest.
  for (size_t i = 0; i < queues_.size() && is_full(); i++) {
    copy_block *first = queues_[i].front();
    if (first != nullptr && first->stale_until_ms() <= now_ms) return first;
  }
  widen_window();
  for (size_t i = 0; i < most_moves && is_above(window_queue().size(), climber_.window()); i++) {
    copy_block *candidate = window_queue().front();
    if (is_full()) {
      if (winner_ != candidate && !wins(*candidate, now_ms)) return candidate;
      winner_ = candidate;
      copy_block *victim = probation().front();
      if (victim == nullptr) victim = protected_queue().front();
      return victim == nullptr ? candidate : victim;
    }
    winner_ = nullptr;
    move_to(in_probation, *candidate);
  }
  if (!is_full()) return nullptr;
  for (copy_queue *queue : {&probation(), &protected_queue(), &window_queue()}) {
    if (queue->front() != nullptr) return queue->front();
  }
  return nullptr;
}

}  // namespace cache_plugin
