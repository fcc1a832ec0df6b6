#include "core/wire/waiting_room.h"

#include <algorithm>

namespace cachecore_internal {

waiting_room::waiting_room(loop &events, std::function<bool(request *)> leave)
    : loop_(events), leave_(std::move(leave)) {
  alarm_.room = this;
  alarm_.expire = [](timer_entry *entry) {
    waiting_room &self = *static_cast<alarm *>(entry)->room;
    self.release_due(now_ns());
    self.arm();
  };
}

void waiting_room::add(request *waiting, int64_t due) {
  loop_.start();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (shut_with_ == CACHECORE_OK) {
      places_.push_back({due, waiting});
      waiting->line.store(nullptr, std::memory_order_relaxed);
      waiting->room.store(this, std::memory_order_release);
      waiting = nullptr;
    }
  }
  if (waiting != nullptr) {
    set_wait_error(waiting, shut_with_, "the core is being closed or reset");
    end_wait(waiting);
    return;
  }
  if (due == no_deadline) return;
  if (loop_.is_this_thread()) {
    arm();
  } else {
    loop_.post_function([this] { arm(); });
  }
}

bool waiting_room::withdraw(request *given_up) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::erase_if(places_, [given_up](const place &each) { return each.waiting == given_up; }) != 0;
}

void waiting_room::arm() noexcept {
  int64_t next = no_deadline;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const place &each : places_) next = std::min(next, each.due);
  }
  loop_.remove_timer(alarm_);
  loop_.add_timer(alarm_, next);
}

void waiting_room::release_due(int64_t now) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(places_, [&](place &each) {
    if (each.due > now) return false;
    if (leave_(each.waiting)) return true;
    each.due = no_deadline;
    return false;
  });
}

void waiting_room::release_all() noexcept { release_due(no_deadline); }

void waiting_room::refuse_all(cachecore_status status, const std::string &why) noexcept {
  std::vector<place> refused;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto kept =
        std::partition(places_.begin(), places_.end(), [](const place &each) { return each.due != no_deadline; });
    refused.assign(kept, places_.end());
    places_.erase(kept, places_.end());
  }
  for (const place &each : refused) {
    end_unsent_request(each.waiting, status, why);
  }
}

void waiting_room::shut(cachecore_status reason) noexcept {
  std::vector<place> ended;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    shut_with_ = reason;
    ended.swap(places_);
  }
  for (const place &each : ended) {
    end_unsent_request(each.waiting, reason, "the core is being closed or reset");
  }
}

}  // namespace cachecore_internal
