#include "core/core.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <thread>

#include "core/runtime/process.h"

using namespace cachecore_internal;

namespace {
std::atomic<uint64_t> cores_made{0};
}

cachecore_handle::cachecore_handle(configuration given)
    : settings(std::move(given)), plugins(*this), generation(fork_generation()), number(++cores_made) {
  log.function = settings.log;
  log.context = settings.log_context;
  running = std::make_unique<engine>(*this, settings, log);
}

cachecore_handle::~cachecore_handle() = default;

cachecore_status cachecore_handle::enter() noexcept {
  if (generation.load(std::memory_order_relaxed) != fork_generation()) return CACHECORE_FORKED;
  while (true) {
    inside_.add_in_order(1);
    const gate_state state = state_.load(std::memory_order_seq_cst);
    if (state == gate_state::open) return CACHECORE_OK;
    if (state == gate_state::closing) {
      leave();
      return CACHECORE_CLOSED;
    }
    // Counted as waiting before it is no longer counted as inside: close frees nothing while either is not 0.
    waiting_.fetch_add(1, std::memory_order_seq_cst);
    leave();
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return state_.load(std::memory_order_seq_cst) != gate_state::resetting; });
    }
    inside_.add_in_order(1);
    waiting_.fetch_sub(1, std::memory_order_seq_cst);
    leave();
  }
}

cachecore_status cachecore_handle::enter_if_open() noexcept {
  if (generation.load(std::memory_order_relaxed) != fork_generation()) return CACHECORE_FORKED;
  inside_.add_in_order(1);
  const gate_state state = state_.load(std::memory_order_seq_cst);
  if (state == gate_state::open) return CACHECORE_OK;
  leave();
  return state == gate_state::closing ? CACHECORE_CLOSED : CACHECORE_UNAVAILABLE;
}

// The last touch of the core: whoever closes it polls the counters.
void cachecore_handle::leave() noexcept { inside_.add(-1); }

void cachecore_handle::wait_until_left() noexcept {
  while (inside_.sum() != 0 || waiting_.load(std::memory_order_seq_cst) != 0) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

void cachecore_handle::load_configured_plugins() { plugins.load_configured(); }

void cachecore_handle::reset() {
  if (generation.load(std::memory_order_relaxed) != fork_generation()) {
    reset_after_fork();
    return;
  }
  // Counted, so that close frees nothing before this has left.
  struct counted {
    std::atomic<int64_t> &waiting;
    explicit counted(std::atomic<int64_t> &of) : waiting(of) { waiting.fetch_add(1, std::memory_order_seq_cst); }
    ~counted() { waiting.fetch_sub(1, std::memory_order_seq_cst); }
    counted(const counted &) = delete;
    counted &operator=(const counted &) = delete;
  };
  const counted stays(waiting_);
  const std::lock_guard<std::mutex> one_at_a_time(reset_mutex_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (state_.load(std::memory_order_seq_cst) == gate_state::closing) {
      throw failure(CACHECORE_CLOSED, "the core is being closed");
    }
    state_.store(gate_state::resetting, std::memory_order_seq_cst);
  }
  running->begin_end(CACHECORE_UNAVAILABLE);
  while (inside_.sum() != 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  accept_queue_work(false);
  running->finish_end();
  const auto reopen = [this] {
    accept_queue_work(true);
    const std::lock_guard<std::mutex> lock(mutex_);
    state_.store(gate_state::open, std::memory_order_seq_cst);
    changed_.notify_all();
  };
  try {
    auto fresh = std::make_unique<engine>(*this, settings, log);
    std::swap(running, fresh);
    plugins.renew_instances();
  } catch (...) {
    reopen();
    throw;
  }
  reopen();
}

// What a fork left behind: reachable, so that leak checkers know it is meant, and never touched.
namespace {
struct left_behind {
  void *what;
  left_behind *next;
};
std::atomic<left_behind *> all_left_behind{nullptr};

void leave_behind(void *what) noexcept {
  auto *kept = new (std::nothrow) left_behind{what, all_left_behind.load()};
  if (kept != nullptr) all_left_behind.store(kept);
}
}  // namespace

void cachecore_handle::reset_after_fork() {
  // The parent's engine, instances and mutexes stay where they are: nobody knows what state they were copied in.
  running->abandon();
  leave_behind(running.release());
  new (&reset_mutex_) std::mutex();
  new (&mutex_) std::mutex();
  new (&changed_) std::condition_variable();
  new (&inside_) sharded_counter();
  waiting_.store(0);
  queues_ = nullptr;
  engine_accepts_ = true;
  log.after_fork();
  slow.after_fork();
  state_.store(gate_state::open, std::memory_order_seq_cst);
  running = std::make_unique<engine>(*this, settings, log);
  plugins.after_fork();
  generation.store(fork_generation(), std::memory_order_relaxed);
}

void cachecore_handle::close() noexcept {
  if (generation.load(std::memory_order_relaxed) != fork_generation()) {
    running->abandon();
    leave_behind(this);
    return;
  }
  {
    const std::lock_guard<std::mutex> one_at_a_time(reset_mutex_);
    const std::lock_guard<std::mutex> lock(mutex_);
    state_.store(gate_state::closing, std::memory_order_seq_cst);
    changed_.notify_all();
  }
  running->begin_end(CACHECORE_CLOSED);
  leave_queues();
  wait_until_left();
  running->finish_end();
  plugins.end_instances();
}

void cachecore_handle::accept_queue_work(bool accept) noexcept {
  const std::lock_guard<std::mutex> lock(queue_links());
  engine_accepts_ = accept;
}

// ---- Completion queues ----

void cachecore_handle::remember_queue(cachecore_completions *queue) {
  const std::lock_guard<std::mutex> lock(queue_links());
  queue->core = this;
  queue->next_of_core = queues_;
  queue->previous_of_core = nullptr;
  if (queues_ != nullptr) queues_->previous_of_core = queue;
  queues_ = queue;
}

void cachecore_handle::forget_queue(cachecore_completions *queue, cachecore_result *undrained) noexcept {
  (queue->previous_of_core != nullptr ? queue->previous_of_core->next_of_core : queues_) = queue->next_of_core;
  if (queue->next_of_core != nullptr) queue->next_of_core->previous_of_core = queue->previous_of_core;
  queue->core = nullptr;
  if (!engine_accepts_) {  // between two engines: all its operations have ended
    free_results(undrained);
    return;
  }
  if (running->events().started()) running->cancel_queue(*queue);
  running->undo_results(undrained);
}

void cachecore_handle::leave_queues() noexcept {
  const std::lock_guard<std::mutex> lock(queue_links());
  engine_accepts_ = false;
  while (queues_ != nullptr) {
    cachecore_completions *queue = queues_;
    queues_ = queue->next_of_core;
    queue->core = nullptr;
  }
}

namespace cachecore_internal {

cachecore_completions *make_completions(cachecore_handle &core) {
  auto made = std::make_unique<cachecore_completions>();
  made->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made->descriptor < 0) throw failure(CACHECORE_INTERNAL, std::string("eventfd: ") + std::strerror(errno));
  remember_descriptor(made->descriptor);
  made->generation = fork_generation();
  made->core_number = core.number;
  core.remember_queue(made.get());
  return made.release();
}

cachecore_status visit::explain(cachecore_error *error) const noexcept {
  switch (status_) {
    case CACHECORE_OK:
      return clear_error(error);
    case CACHECORE_FORKED:
      return set_error(
          error, status_,
          "this process inherited the core by fork: call cachecore_reset to use it here, or cachecore_close");
    case CACHECORE_CLOSED:
      return set_error(error, status_, "the core is being closed");
    default:
      return set_error(error, status_, "core must not be NULL");
  }
}

}  // namespace cachecore_internal
