// core.h: the handle behind the C ABI: configuration, plugins, and the engine of the moment.
//
// Every call passes the gate: it counts itself in (on a counter of its own, so that callers do not contend), then looks
// whether the core is open. Closing and resetting set the state first and then wait for the counters; one of the two
// sides always sees the other.
//
// Thread rule: any thread. In a forked child everything but reset and close answers FORKED, told by the generation.
#pragma once

#include <cachecore/core.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "core/config/configuration.h"
#include "core/log.h"
#include "core/plugins/registry.h"
#include "core/runtime/completion_queue.h"
#include "core/runtime/engine.h"
#include "core/runtime/slow_calls.h"

struct cachecore_handle {
  enum class gate_state : int { open, resetting, closing };

  explicit cachecore_handle(cachecore_internal::configuration given);
  ~cachecore_handle();
  cachecore_handle(const cachecore_handle &) = delete;
  cachecore_handle &operator=(const cachecore_handle &) = delete;

  // Counts this call in; OK, FORKED or CLOSED. Waits while a reset is under way. After OK leave must be called.
  cachecore_status enter() noexcept;
  void leave() noexcept;

  void load_configured_plugins();
  void reset();
  void close() noexcept;  // to be deleted afterwards, unless in a forked child (see close)

  // Counts it in unless a reset or close is under way (then UNAVAILABLE, CLOSED): for those that either waits for.
  cachecore_status enter_if_open() noexcept;

  // Calls that are running: blocking ones inside, submitted and background ones.
  [[nodiscard]] int64_t calls_inside() const noexcept { return inside_.sum() + running->live_count(); }

  void remember_queue(cachecore_completions *queue);
  // With queue_links held: the queue is being destroyed. Gives up its operations and undoes what was not drained.
  void forget_queue(cachecore_completions *queue, cachecore_result *undrained) noexcept;

  cachecore_internal::configuration settings;
  cachecore_internal::core_log log;
  cachecore_internal::slow_calls slow;
  cachecore_internal::plugin_registry plugins;
  std::unique_ptr<cachecore_internal::engine> running;  // changes while the gate is shut only
  std::atomic<uint64_t> generation;                     // of the process it belongs to
  std::atomic<uint64_t> operations{0};
  const uint64_t number;  // of this core among all of the process

 private:
  void wait_until_left() noexcept;
  void leave_queues() noexcept;
  void accept_queue_work(bool accept) noexcept;
  void reset_after_fork();

  std::atomic<gate_state> state_{gate_state::open};
  cachecore_internal::sharded_counter inside_;
  std::atomic<int64_t> waiting_{0};  // at the gate, for the end of a reset
  std::mutex mutex_;
  std::condition_variable changed_;
  std::mutex reset_mutex_;
  cachecore_completions *queues_ = nullptr;  // under queue_links, as is engine_accepts_
  bool engine_accepts_ = true;               // `running` takes work for queues
};

namespace cachecore_internal {

// A call's stay in a core.
class visit {
 public:
  explicit visit(cachecore_handle *core) noexcept
      : core_(core), status_(core == nullptr ? CACHECORE_INVALID_ARGUMENT : core->enter()) {}
  ~visit() {
    if (status_ == CACHECORE_OK) core_->leave();
  }
  visit(const visit &) = delete;
  visit &operator=(const visit &) = delete;

  [[nodiscard]] cachecore_status status() const noexcept { return status_; }
  // Writes why it may not enter.
  cachecore_status explain(cachecore_error *error) const noexcept;

 private:
  cachecore_handle *core_;
  cachecore_status status_;
};

// A queue for operations of this core, whatever its gate. Throws failure(INTERNAL) or std::bad_alloc.
cachecore_completions *make_completions(cachecore_handle &core);

}  // namespace cachecore_internal
