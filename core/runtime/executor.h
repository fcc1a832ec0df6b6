// executor.h: who runs the continuations of an invocation, and how others hand it work.
//
// An invocation is an actor: at any moment one executor owns it and alone touches it. There are two kinds. A *waiter*
// is the thread of a blocking call, which runs its own continuations at the top of its wait, so that a lone caller
// needs no other thread. The *loop* runs those of submitted and background invocations, and takes over what a blocking
// caller gave up.
//
// Everybody else only posts nodes: "this wait is over". A node posted by the executor's own thread goes to a plain
// local list; from another thread it goes to the waiter's inbox (a mutex, a futex word) or the loop's (lock-free, an
// eventfd only when the loop sleeps).
//
// Invariants
// - Waiters are never freed, only reused by later threads: a pointer to one is always safe to lock. Whether it is still
// the executor of an
//   invocation is checked under its mutex; an invocation moves at most once, from a waiter to the loop.
// - Work runs from `drain` alone, never inside `post`.
#pragma once

#include <cachecore/core.h>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace cachecore_internal {

class engine;
class lane;

// Something to be run by an executor; intrusive, posted at most once at a time.
struct post_node {
  post_node *next = nullptr;
  void (*run)(post_node *node) = nullptr;
};

// First in, first out; for one thread.
struct post_list {
  post_node *head = nullptr;
  post_node **tail = &head;

  post_list() = default;
  post_list(const post_list &) = delete;
  post_list &operator=(const post_list &) = delete;

  [[nodiscard]] bool empty() const noexcept { return head == nullptr; }
  void push(post_node *node) noexcept {
    node->next = nullptr;
    *tail = node;
    tail = &node->next;
  }
  post_node *pop() noexcept {
    post_node *node = head;
    if (node != nullptr) {
      head = node->next;
      if (head == nullptr) tail = &head;
    }
    return node;
  }
  // Takes the whole list.
  post_node *take() noexcept {
    post_node *node = head;
    head = nullptr;
    tail = &head;
    return node;
  }
};

class executor {
 public:
  explicit executor(bool is_loop) noexcept : is_loop_(is_loop) {}
  executor(const executor &) = delete;
  executor &operator=(const executor &) = delete;

  [[nodiscard]] bool is_loop() const noexcept { return is_loop_; }

  // By the executor's own thread.
  void post_local(post_node *node) noexcept { local_.push(node); }
  void drain_local() noexcept;

 protected:
  ~executor() = default;
  post_list local_;

 private:
  const bool is_loop_;
};

// The thread of a blocking call while it waits.
class waiter final : public executor {
 public:
  waiter() noexcept : executor(false) {}

  // The waiter of this thread. Throws std::bad_alloc.
  static waiter &of_this_thread();
  // One that no thread owns, to be given back when nothing runs as it any more. Throws std::bad_alloc.
  static waiter &borrow();
  static void give_back(waiter &borrowed) noexcept;
  // Calls `visit` for every waiter there is. Used by close and reset to find those that wait in an engine.
  static void each(void (*visit)(waiter &each, void *state), void *state);

  // From any thread: posts `node` if `current` still names this waiter, else false.
  bool post_if_current(post_node *node, const std::atomic<executor *> &current) noexcept;
  // Wakes the thread; it looks around and sleeps again when there was nothing.
  void wake() noexcept;
  // Ends the wait in `waits_in` with `status`, if the thread is (or is about to be) waiting there.
  void interrupt(engine *waits_in, int32_t status) noexcept;

  // By the owning thread.
  void drain() noexcept;  // runs what was posted until there is nothing left
  bool take_inbox(post_list &out) noexcept;
  // Until woken; may return early. True if nobody woke it: the deadline, a signal, or time to ask (see
  // interrupt_question).
  bool sleep_until(int64_t deadline_ns) noexcept;
  void begin_wait(engine *waits_in) noexcept;
  void end_wait() noexcept;
  [[nodiscard]] int32_t interrupted() const noexcept { return interrupt_.load(std::memory_order_acquire); }
  [[nodiscard]] bool has_work() noexcept;

  // Moves everything posted here to `to`, and makes that the executor in all `currents` (set by `move`) in one critical
  // section.
  template <class Move>
  void hand_over(Move move, post_list &left) {
    const std::lock_guard<std::mutex> lock(mutex_);
    move();
    while (post_node *node = inbox_.pop()) left.push(node);
    while (post_node *node = local_.pop()) left.push(node);
  }

  // State of the blocking call that runs on this thread; touched by the owning thread only.
  bool root_done = false;
  uint32_t index = 0;  // a small number of this waiter, for spreading over lanes

 private:
  static constexpr uint32_t awake = 0, signalled = 1, asleep = 2;

  std::mutex mutex_;
  post_list inbox_;
  std::atomic<bool> inbox_filled_{false};
  std::atomic<uint32_t> word_{awake};
  std::atomic<engine *> waits_in_{nullptr};
  std::atomic<int32_t> interrupt_{0};
  waiter *next_ever_ = nullptr;
  waiter *next_free_ = nullptr;

  friend struct waiter_registry;
};

// In the child of a fork: the parent's waiters and their mutexes are left behind.
void forget_waiters_after_fork() noexcept;

// What this thread asks while it waits in a blocking call and nothing comes: whether it should stop
// (cachecore_set_interrupt).
struct interrupt_question {
  cachecore_interrupt_function ask;  // null: nobody
  void *context;
};

// What this thread is doing.
struct thread_state {
  waiter *own;         // null until the first blocking call
  executor *current;   // the executor this thread is running as, or null
  int32_t step_depth;  // > 0 inside a start function or continuation
  int32_t log_depth;   // > 0 inside a log callback
  uint32_t shard;      // see shards.h; 0: not chosen yet
  bool submitting;     // requests are released by the loop, not by this thread
  interrupt_question question;
};

extern thread_local thread_state this_thread [[gnu::tls_model("initial-exec")]];

}  // namespace cachecore_internal
