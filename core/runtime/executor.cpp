#include "core/runtime/executor.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "core/runtime/clock.h"
#include "core/runtime/shards.h"

namespace cachecore_internal {

namespace {
// How often a sleeping thread that has a question asks it.
constexpr int64_t question_slice_ns = 50 * ns_per_ms;
}  // namespace

thread_local thread_state this_thread
    [[gnu::tls_model("initial-exec")]] = {nullptr, nullptr, 0, 0, 0, false, {nullptr, nullptr}};

void executor::drain_local() noexcept {
  while (post_node *node = local_.pop()) node->run(node);
}

// All waiters that ever were, and those no thread owns. Never destroyed: threads may end after static destructors.
struct waiter_registry {
  std::mutex mutex;
  waiter *ever = nullptr;
  waiter *free = nullptr;
  uint32_t count = 0;

  // A fork's child starts an empty one, since the parent's mutexes may have been held.
  static waiter_registry &instance() {
    waiter_registry *found = current.load(std::memory_order_acquire);
    if (found != nullptr) return *found;
    auto *made = new waiter_registry;
    if (current.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return *made;
    delete made;
    return *found;
  }

  static std::atomic<waiter_registry *> current;

  waiter *take() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (free != nullptr) {
      waiter *taken = free;
      free = taken->next_free_;
      return taken;
    }
    auto *made = new waiter;
    made->index = count++;
    made->next_ever_ = ever;
    ever = made;
    return made;
  }

  void give_back(waiter *returned) noexcept {
    const std::lock_guard<std::mutex> lock(mutex);
    returned->next_free_ = free;
    free = returned;
  }

  void each(void (*visit)(waiter &, void *), void *state) {
    const std::lock_guard<std::mutex> lock(mutex);
    for (waiter *w = ever; w != nullptr; w = w->next_ever_) visit(*w, state);
  }
};

std::atomic<waiter_registry *> waiter_registry::current{nullptr};

namespace {

struct return_at_exit {
  waiter *held = nullptr;
  return_at_exit() = default;
  return_at_exit(const return_at_exit &) = delete;
  return_at_exit &operator=(const return_at_exit &) = delete;
  ~return_at_exit() {
    if (held != nullptr) {
      this_thread.own = nullptr;
      waiter_registry::instance().give_back(held);
    }
  }
};

thread_local return_at_exit returned_at_exit;

}  // namespace

waiter &waiter::of_this_thread() {
  if (this_thread.own == nullptr) {
    this_thread.own = waiter_registry::instance().take();
    returned_at_exit.held = this_thread.own;
  }
  return *this_thread.own;
}

void forget_waiters_after_fork() noexcept {
  waiter_registry::current.store(nullptr, std::memory_order_relaxed);
  returned_at_exit.held = nullptr;
  forget_shards_after_fork();
  this_thread = {nullptr, nullptr, 0, 0, 0, false, this_thread.question};
}

waiter &waiter::borrow() { return *waiter_registry::instance().take(); }

void waiter::give_back(waiter &borrowed) noexcept { waiter_registry::instance().give_back(&borrowed); }

void waiter::each(void (*visit)(waiter &, void *), void *state) { waiter_registry::instance().each(visit, state); }

bool waiter::post_if_current(post_node *node, const std::atomic<executor *> &current) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (current.load(std::memory_order_acquire) != this) return false;
    inbox_.push(node);
    inbox_filled_.store(true, std::memory_order_release);
  }
  wake();
  return true;
}

void waiter::wake() noexcept {
  if (word_.exchange(signalled, std::memory_order_acq_rel) == asleep) {
    syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
}

bool waiter::sleep_until(int64_t deadline_ns) noexcept {
  uint32_t expected = awake;
  if (!word_.compare_exchange_strong(expected, asleep, std::memory_order_acq_rel)) {
    word_.exchange(awake, std::memory_order_seq_cst);
    return false;
  }
  if (this_thread.question.ask != nullptr) deadline_ns = std::min(deadline_ns, now_ns() + question_slice_ns);
  timespec until{};
  const bool bounded = deadline_ns != no_deadline;
  if (bounded) {
    until.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000);
    until.tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000);
  }
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time.
  const bool quiet = syscall(SYS_futex, &word_, FUTEX_WAIT_BITSET_PRIVATE, asleep, bounded ? &until : nullptr, nullptr,
                             FUTEX_BITSET_MATCH_ANY) != 0 &&
                     (errno == ETIMEDOUT || errno == EINTR);
  // An exchange and no store: a signal that comes now is either seen here, with what was posted before it, or stays.
  word_.exchange(awake, std::memory_order_seq_cst);
  return quiet;
}

void waiter::begin_wait(engine *waits_in) noexcept {
  interrupt_.store(0, std::memory_order_relaxed);
  waits_in_.store(waits_in, std::memory_order_seq_cst);
}

void waiter::end_wait() noexcept {
  // Under the mutex, so that an interrupt meant for this wait cannot arrive in the next one.
  const std::lock_guard<std::mutex> lock(mutex_);
  waits_in_.store(nullptr, std::memory_order_relaxed);
}

void waiter::interrupt(engine *waits_in, int32_t status) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (waits_in_.load(std::memory_order_seq_cst) != waits_in) return;
    interrupt_.store(status, std::memory_order_release);
  }
  wake();
}

bool waiter::take_inbox(post_list &out) noexcept {
  if (!inbox_filled_.load(std::memory_order_acquire)) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  inbox_filled_.store(false, std::memory_order_relaxed);
  while (post_node *node = inbox_.pop()) out.push(node);
  return true;
}

bool waiter::has_work() noexcept { return !local_.empty() || inbox_filled_.load(std::memory_order_acquire); }

void waiter::drain() noexcept {
  for (;;) {
    drain_local();
    post_list taken;
    if (!take_inbox(taken)) return;
    while (post_node *node = taken.pop()) {
      node->run(node);
      drain_local();
    }
  }
}

}  // namespace cachecore_internal
