// loop.h: the core's one thread: readiness and timers by libevent, and the executor of everything nobody blocks for.
//
// Started on first use. A turn: run what was posted, run what that made ready, write the lanes that were filled, hand
// finished operations over in one batch, sleep until a descriptor, a timer or a post. Posting is lock-free and costs a
// system call only while the loop sleeps (the poster writes the eventfd after it saw `sleeping_`; the loop looks at the
// queue again after it set it: one of the two sees the other).
//
// Thread rule: post, start and stop on any thread; all else on the loop's thread. In a forked child the loop is
// abandoned as it is: its descriptors are closed by the fork handler, nothing of it is touched.
#pragma once

#include <event2/event.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/runtime/completion_queue.h"
#include "core/runtime/executor.h"
#include "core/runtime/invocation.h"

namespace cachecore_internal {

class loop final : public executor {
 public:
  explicit loop(engine &owner);
  ~loop();

  // Makes the descriptors and the thread if there are none yet. Throws failure(INTERNAL) or std::bad_alloc.
  void start();
  [[nodiscard]] bool started() const noexcept { return started_.load(std::memory_order_acquire); }
  // Ends the thread after what was posted; everything must have ended before.
  void stop() noexcept;
  // In a forked child: forgets the thread.
  void abandon() noexcept;

  void post(post_node *node) noexcept;

  // Posts a function; before the loop is started, it waits for that. Throws std::bad_alloc.
  void when_started(std::function<void()> function);

  // Posts a function that is run once. Throws std::bad_alloc.
  void post_function(std::function<void()> function);

  // ---- by the loop's thread ----
  [[nodiscard]] event_base *base() const noexcept { return base_; }
  [[nodiscard]] bool is_this_thread() const noexcept { return this_thread.current == this; }
  void add_timer(timer_entry &entry, int64_t when);
  void remove_timer(timer_entry &entry) noexcept;
  // Writes the lane's requests at the end of this turn.
  void mark_dirty(lane &filled);
  void add_completion(cachecore_completions &queue, cachecore_result *result) noexcept;
  void flush_completions() noexcept;

  // Invocations whose executor this is.
  void adopt(invocation &adopted);
  void release(invocation &ended) noexcept;
  [[nodiscard]] invocation *find(uint64_t operation) noexcept;
  void each_invocation(const std::function<void(invocation &)> &visit);

 private:
  void run() noexcept;
  void run_posted() noexcept;
  void expire_timers() noexcept;
  void settle() noexcept;  // drains local work, writes lanes, hands over completions, until nothing is left
  void sift_up(size_t position) noexcept;
  void sift_down(size_t position) noexcept;
  void place(size_t position, timer_entry *entry) noexcept;

  engine &owner_;
  std::mutex start_mutex_;
  std::vector<std::function<void()>> on_start_;  // under start_mutex_
  std::atomic<bool> started_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  event_base *base_ = nullptr;
  event *wake_event_ = nullptr;
  event *timer_event_ = nullptr;
  int wake_descriptor_ = -1;
  int64_t timer_armed_for_ = no_deadline;

  std::atomic<post_node *> posted_{nullptr};
  std::atomic<bool> sleeping_{false};

  std::vector<timer_entry *> heap_;
  std::vector<lane *> dirty_;
  std::vector<lane *> written_;
  cachecore_completions *dirty_queues_ = nullptr;
  live_link live_;

  // Operations by their number, chained by next_operation. Numbers come in order, so their low bits spread well.
  [[nodiscard]] invocation **place_of(uint64_t operation) noexcept {
    return &operations_[operation & (operations_.size() - 1)];
  }
  void grow_operations();
  std::vector<invocation *> operations_ = std::vector<invocation *>(64);
  size_t operation_count_ = 0;
};

}  // namespace cachecore_internal
