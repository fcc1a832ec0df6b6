#include "core/runtime/loop.h"

#include <event2/event_struct.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include "core/runtime/engine.h"
#include "core/runtime/process.h"
#include "core/wire/lane.h"

namespace cachecore_internal {
namespace {

struct posted_function : post_node {
  std::function<void()> function;
};

void run_function(post_node *node) noexcept {
  const std::unique_ptr<posted_function> owned(static_cast<posted_function *>(node));
  owned->function();
}

void on_wake(evutil_socket_t descriptor, short, void *) noexcept {
  uint64_t ignored = 0;
  [[maybe_unused]] const ssize_t got = read(descriptor, &ignored, sizeof(ignored));
}

// It may come a little early: then it is set again, since it is not armed any more. expire_timers runs every turn.
void on_timer(evutil_socket_t, short, void *armed_for) noexcept { *static_cast<int64_t *>(armed_for) = no_deadline; }

}  // namespace

loop::loop(engine &owner) : executor(true), owner_(owner) {}

loop::~loop() {
  stop();
  if (wake_event_ != nullptr) event_free(wake_event_);
  if (timer_event_ != nullptr) event_free(timer_event_);
  if (base_ != nullptr) event_base_free(base_);
  close_descriptor(wake_descriptor_);
}

void loop::abandon() noexcept {
  // The thread exists in the parent only: a joinable std::thread must not be destroyed, so it is left where it is.
  // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): a child without 8 bytes of memory cannot go on anyway.
  if (thread_.joinable()) new std::thread(std::move(thread_));
  started_.store(false, std::memory_order_relaxed);
}

void loop::start() {
  if (started()) return;
  const std::lock_guard<std::mutex> lock(start_mutex_);
  if (started()) return;
  if (base_ == nullptr) {
    event_config *config = event_config_new();
    if (config == nullptr) throw std::bad_alloc();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    base_ = event_base_new_with_config(config);
    event_config_free(config);
    if (base_ == nullptr) throw failure(CACHECORE_INTERNAL, "the event loop could not be made: too many open files?");
    wake_descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_descriptor_ < 0) {
      throw failure(CACHECORE_INTERNAL, std::string("eventfd: ") + std::strerror(errno));
    }
    remember_descriptor(wake_descriptor_);
    wake_event_ = event_new(base_, wake_descriptor_, EV_READ | EV_PERSIST, on_wake, nullptr);
    timer_event_ = event_new(base_, -1, 0, on_timer, &timer_armed_for_);
    if (wake_event_ == nullptr || timer_event_ == nullptr) throw std::bad_alloc();
    event_add(wake_event_, nullptr);
  }
  for (std::function<void()> &each : std::exchange(on_start_, {})) post_function(std::move(each));
  // The application's signals are none of this thread's business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "cachecore-loop");
  started_.store(true, std::memory_order_release);
}

void loop::stop() noexcept {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_seq_cst);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_descriptor_, &one, sizeof(one));
  thread_.join();
  started_.store(false, std::memory_order_release);
}

void loop::post(post_node *node) noexcept {
  post_node *head = posted_.load(std::memory_order_relaxed);
  do {
    node->next = head;
  } while (!posted_.compare_exchange_weak(head, node, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false, std::memory_order_seq_cst)) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_descriptor_, &one, sizeof(one));
  }
}

void loop::when_started(std::function<void()> function) {
  const std::lock_guard<std::mutex> lock(start_mutex_);
  if (started()) {
    post_function(std::move(function));
  } else {
    on_start_.push_back(std::move(function));
  }
}

void loop::post_function(std::function<void()> function) {
  auto node = std::make_unique<posted_function>();
  node->run = run_function;
  node->function = std::move(function);
  post(node.release());
}

void loop::run() noexcept {
  this_thread.current = this;
  while (true) {
    run_posted();
    settle();
    expire_timers();
    settle();
    if (stopping_.load(std::memory_order_seq_cst) && posted_.load(std::memory_order_seq_cst) == nullptr) break;

    const int64_t next = heap_.empty() ? no_deadline : heap_.front()->when;
    if (next != timer_armed_for_) {
      if (next == no_deadline) {
        event_del(timer_event_);
      } else {
        const int64_t left = std::max<int64_t>(0, next - now_ns());
        const timeval after = {static_cast<time_t>(left / 1'000'000'000),
                               static_cast<suseconds_t>((left % 1'000'000'000) / 1000 + 1)};
        event_add(timer_event_, &after);
      }
      timer_armed_for_ = next;
    }
    sleeping_.store(true, std::memory_order_seq_cst);
    int flags = EVLOOP_ONCE;
    if (posted_.load(std::memory_order_seq_cst) != nullptr || stopping_.load(std::memory_order_seq_cst)) {
      sleeping_.store(false, std::memory_order_seq_cst);
      flags = EVLOOP_NONBLOCK;
    }
    event_base_loop(base_, flags);
    sleeping_.store(false, std::memory_order_seq_cst);
    settle();
  }
  this_thread.current = nullptr;
}

void loop::run_posted() noexcept {
  post_node *taken = posted_.exchange(nullptr, std::memory_order_acq_rel);
  post_node *first = nullptr;  // the stack reversed: in the order of posting
  while (taken != nullptr) {
    post_node *next = taken->next;
    taken->next = first;
    first = taken;
    taken = next;
  }
  while (first != nullptr) {
    post_node *next = first->next;
    first->run(first);
    drain_local();
    first = next;
  }
}

void loop::settle() noexcept {
  do {
    drain_local();
    written_.swap(dirty_);  // writing may fill others
    for (lane *filled : written_) {
      filled->dirty = false;
      filled->write_from_loop();
    }
    written_.clear();
  } while (!local_.empty() || !dirty_.empty());
  flush_completions();
}

void loop::mark_dirty(lane &filled) {
  if (filled.dirty) return;
  filled.dirty = true;
  dirty_.push_back(&filled);
}

void loop::add_completion(cachecore_completions &queue, cachecore_result *result) noexcept {
  result->next = nullptr;
  *queue.batch_tail = result;
  queue.batch_tail = &result->next;
  queue.batch_references++;
  if (!queue.dirty) {
    queue.dirty = true;
    queue.next_dirty = dirty_queues_;
    dirty_queues_ = &queue;
  }
}

void loop::flush_completions() noexcept {
  while (dirty_queues_ != nullptr) {
    cachecore_completions *queue = dirty_queues_;
    dirty_queues_ = queue->next_dirty;
    queue->dirty = false;
    cachecore_result *chain = queue->batch_head;
    const uint32_t references = queue->batch_references;
    queue->batch_head = nullptr;
    queue->batch_tail = &queue->batch_head;
    queue->batch_references = 0;
    if (!push_results(*queue, chain)) owner_.undo_results(chain);
    unref_queue(queue, references);
  }
}

// ---- Timers: a binary heap by `when`, each entry knowing its place. ----

void loop::place(size_t position, timer_entry *entry) noexcept {
  heap_[position] = entry;
  entry->position = position;
}

void loop::sift_up(size_t position) noexcept {
  timer_entry *entry = heap_[position];
  while (position > 0) {
    const size_t parent = (position - 1) / 2;
    if (heap_[parent]->when <= entry->when) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void loop::sift_down(size_t position) noexcept {
  timer_entry *entry = heap_[position];
  const size_t count = heap_.size();
  while (true) {
    size_t child = position * 2 + 1;
    if (child >= count) break;
    if (child + 1 < count && heap_[child + 1]->when < heap_[child]->when) child++;
    if (entry->when <= heap_[child]->when) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

void loop::add_timer(timer_entry &entry, int64_t when) {
  entry.when = when;
  if (when == no_deadline) return;
  heap_.push_back(&entry);
  sift_up(heap_.size() - 1);
}

void loop::remove_timer(timer_entry &entry) noexcept {
  if (entry.position == SIZE_MAX) return;
  const size_t position = entry.position;
  entry.position = SIZE_MAX;
  timer_entry *last = heap_.back();
  heap_.pop_back();
  if (last == &entry) return;
  place(position, last);
  sift_down(position);
  sift_up(last->position);
}

void loop::expire_timers() noexcept {
  if (heap_.empty()) return;
  const int64_t now = now_ns();
  while (!heap_.empty() && heap_.front()->when <= now) {
    timer_entry *entry = heap_.front();
    remove_timer(*entry);
    entry->expire(entry);
    drain_local();
  }
}

// ---- Invocations ----

void loop::adopt(invocation &adopted) {
  adopted.insert_before(live_);
  if (adopted.operation == 0) return;
  if (operation_count_ >= operations_.size()) grow_operations();
  operation_count_++;
  invocation **place = place_of(adopted.operation);
  adopted.next_operation = *place;
  *place = &adopted;
}

// Without memory the chains grow longer, and that is all.
void loop::grow_operations() {
  std::vector<invocation *> before;
  try {
    before.resize(operations_.size() * 2);
  } catch (const std::bad_alloc &) {
    return;
  }
  before.swap(operations_);
  for (invocation *chain : before) {
    while (chain != nullptr) {
      invocation *next = chain->next_operation;
      invocation **place = place_of(chain->operation);
      chain->next_operation = *place;
      *place = chain;
      chain = next;
    }
  }
}

void loop::release(invocation &ended) noexcept {
  remove_timer(ended);
  if (!ended.linked()) return;
  ended.unlink();
  if (ended.operation == 0) return;
  for (invocation **link = place_of(ended.operation); *link != nullptr; link = &(*link)->next_operation) {
    if (*link != &ended) continue;
    *link = ended.next_operation;
    operation_count_--;
    return;
  }
}

invocation *loop::find(uint64_t operation) noexcept {
  invocation *found = *place_of(operation);
  while (found != nullptr && found->operation != operation) found = found->next_operation;
  return found;
}

void loop::each_invocation(const std::function<void(invocation &)> &visit) {
  // Visiting may end any of them, so they move over to a list of their own and back one by one.
  live_link waiting;
  while (live_.linked()) {
    live_link *each = live_.next_live;
    each->unlink();
    each->insert_before(waiting);
  }
  while (waiting.linked()) {
    live_link *each = waiting.next_live;
    each->unlink();
    each->insert_before(live_);
    visit(static_cast<invocation &>(*each));
  }
}

}  // namespace cachecore_internal
