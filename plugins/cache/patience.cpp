#include "patience.h"

namespace cache_plugin {

void patience::join_line(race &waits) noexcept {
  const auto &timer = *waits.owner->services().timer;
  const int64_t left = waits.owner->remaining_ms();
  waits.due = timer.now_ms() + (left < 0 ? longest_ms_ : std::min(longest_ms_, left / 2));
  waits.parked = timer.park(waits.owner->raw(), &race::woken, &waits);
  if (waits.parked == nullptr) return;
  bool start = false;
  {
    const std::lock_guard lock(mutex_);
    waits.next = first_;
    if (first_ != nullptr) first_->previous = &waits;
    first_ = &waits;
    waits.in_line = true;
    start = overdue.note(waits.due);
  }
  if (start) start_watch_();
}

bool patience::leave_line(race &waits) noexcept {
  const std::lock_guard lock(mutex_);
  const bool stood = waits.in_line;
  if (stood) remove(waits);
  return stood;
}

void patience::remove(race &waits) noexcept {
  (waits.previous == nullptr ? first_ : waits.previous->next) = waits.next;
  if (waits.next != nullptr) waits.next->previous = waits.previous;
  waits.in_line = false;
}

int64_t patience::wake_overdue(int64_t now_ms) noexcept {
  int64_t next_due = alarm::never;
  for (race *each = first_; each != nullptr;) {
    race *const next = each->next;
    if (each->due > now_ms) {
      next_due = std::min(next_due, each->due);
    } else {
      remove(*each);
      each->owner->services().timer->wake(each->parked, nullptr);
    }
    each = next;
  }
  return next_due;
}

void patience::race::answered(void *state, cachecore_status status, const cachecore_value *answer,
                              const cachecore_error *failed) noexcept {
  auto &self = *static_cast<race *>(state);
  if (self.over) return;
  // Woken for nobody: `woken` finds the race over.
  if (self.home->leave_line(self)) self.owner->services().timer->wake(self.parked, nullptr);
  self.finish(status, answer, failed);
}

void patience::race::woken(void *state, cachecore_status status, const cachecore_value * /*nothing*/,
                           const cachecore_error *failed) noexcept {
  auto &self = *static_cast<race *>(state);
  if (status != CACHECORE_OK && self.home->leave_line(self)) self.owner->services().timer->forget(self.parked);
  if (self.over) return;
  self.impatient = status == CACHECORE_OK;
  self.finish(status, nullptr, failed);
}

void patience::race::finish(cachecore_status with, const cachecore_value *its_answer,
                            const cachecore_error *its_error) noexcept {
  over = true;
  status = with;
  answer = its_answer;
  failed = its_error;
  if (!beginning) owner->resume(waiter);
}

}  // namespace cache_plugin
