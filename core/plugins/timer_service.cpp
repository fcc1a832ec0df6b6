#include "core/plugins/timer_service.h"

#include <ctime>

#include "core/runtime/engine.h"

namespace cachecore_internal {
namespace {

// ---- sleep ----

// The timer is the loop's. Given up from elsewhere, the wait is left with the loop until a posted removal finds it.
struct sleep_wait final : wait {
  struct entry : timer_entry {
    sleep_wait *sleeper = nullptr;
  };
  struct removal : post_node {
    sleep_wait *sleeper = nullptr;
  };
  entry timer;
  removal remove;
};

struct arming : post_node {
  sleep_wait *sleeper = nullptr;
  int64_t when = 0;
};

void on_expiry(timer_entry *expired) noexcept {
  sleep_wait *sleeper = static_cast<sleep_wait::entry *>(expired)->sleeper;
  sleeper->status = CACHECORE_OK;
  end_wait_if_pending(sleeper);  // else its removal is on the way
}

cachecore_status abandon_sleep(wait *self, cachecore_status reason) noexcept {
  auto *sleeper = static_cast<sleep_wait *>(self);
  loop &events = sleeper->owner->eng->events();
  if (events.is_this_thread() && sleeper->timer.position != SIZE_MAX) {
    events.remove_timer(sleeper->timer);
    sleeper->phase.store(wait::ended, std::memory_order_release);
    return reason;
  }
  // It may not have been armed yet: the removal is posted behind the arming.
  sleeper->remove.sleeper = sleeper;
  sleeper->remove.run = [](post_node *node) {
    sleep_wait *removed = static_cast<sleep_wait::removal *>(node)->sleeper;
    static_cast<loop *>(this_thread.current)->remove_timer(removed->timer);
    end_wait(removed);
  };
  events.post(&sleeper->remove);
  return reason;
}

void sleep_for(cachecore_invocation *invocation, int64_t ms, cachecore_continuation then, void *state) {
  sleep_wait *sleeper = nullptr;
  arming *order = nullptr;
  try {
    invocation->eng->events().start();
    sleeper = make_wait<sleep_wait>();
    order = new (sleeper->memory.allocate(sizeof(arming))) arming();
  } catch (const std::exception &) {
    if (sleeper != nullptr) destroy_wait(sleeper);
    static const cachecore_error error = {CACHECORE_NO_MEMORY, "", "out of memory"};
    then(state, CACHECORE_NO_MEMORY, nullptr, &error);
    return;
  }
  sleeper->then = then;
  sleeper->state = state;
  sleeper->abandon = abandon_sleep;
  sleeper->timer.sleeper = sleeper;
  sleeper->timer.expire = on_expiry;
  if (!begin_wait(*invocation, sleeper)) return;
  order->sleeper = sleeper;
  order->when = ms <= 0 ? now_ns() : deadline_after_ms(ms);
  order->run = [](post_node *node) {
    auto *given = static_cast<arming *>(node);
    static_cast<loop *>(this_thread.current)->add_timer(given->sleeper->timer, given->when);
  };
  invocation->eng->events().post(order);
}

// ---- park ----

struct parked_wait final : wait {};

cachecore_parked *park(cachecore_invocation *invocation, cachecore_continuation then, void *state) {
  parked_wait *made = nullptr;
  try {
    made = make_wait<parked_wait>();
  } catch (const std::exception &) {
    static const cachecore_error error = {CACHECORE_NO_MEMORY, "", "out of memory"};
    then(state, CACHECORE_NO_MEMORY, nullptr, &error);
    return nullptr;
  }
  made->then = then;
  made->state = state;
  made->held_elsewhere = true;
  begin_wait(*invocation, made);
  return reinterpret_cast<cachecore_parked *>(made);
}

void wake(cachecore_parked *parked, const cachecore_value *value) {
  auto *woken = reinterpret_cast<parked_wait *>(parked);
  woken->status = CACHECORE_OK;
  try {
    woken->value = value != nullptr ? woken->memory.copy(*value) : cachecore_nil();
  } catch (const std::exception &) {
    set_wait_error(woken, CACHECORE_NO_MEMORY, "out of memory");
  }
  end_wait(woken);
}

void forget(cachecore_parked *parked) { end_wait(reinterpret_cast<parked_wait *>(parked)); }

int64_t now_ms() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return int64_t{time.tv_sec} * 1'000 + time.tv_nsec / 1'000'000;
}

const cachecore_timer_service table = {sizeof(cachecore_timer_service), sleep_for, park, wake, forget, now_ms};

}  // namespace

const cachecore_timer_service *timer_service() noexcept { return &table; }

}  // namespace cachecore_internal
