// invocation.h: one running call, its waits, and how it ends.
//
// A call becomes an invocation: validated arguments, a deadline, the memory of its future result, and the waits it has
// begun. It is started on the caller's thread and runs as far as it can; what it asked for (commands) is released to
// the lanes when that step ends, so that a continuation can never overtake the function that asked for it, and requests
// of one step travel together.
//
// A *wait* is one thing the invocation waits for: a request's reply, a timer, a child call, a wake-up. It is shared by
// the invocation and the service that will end it. Which of the two lets go first is decided by one atomic exchange of
// `phase`:
//
//     pending --service ends it--------> ended       the executor runs the continuation, then keeps the wait for its
//     memory pending --invocation gives up----> abandoned   the executor runs the continuation at once with the reason;
//     abandoned --executor is done-----> left        then the service frees the wait when it ends it
//     abandoned --service ends it------> ended       (the executor frees it when it is done)
//
// Giving up (deadline, cancel, closing) marks the invocation, abandons its waits, and does the same to its child calls;
// waits begun later end at once. If the invocation has not finished when that is done, its caller is completed anyway
// and the invocation goes on alone (on the loop) until its end; a grant it then completes with is undone.
//
// Thread rule: everything but `phase`, `exec` and posting belongs to the executor.
#pragma once

#include <cachecore/plugin.h>

#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/failure.h"
#include "core/runtime/arena.h"
#include "core/runtime/clock.h"
#include "core/runtime/executor.h"
#include "core/runtime/result.h"

struct cachecore_method;
struct cachecore_completions;

namespace cachecore_internal {

using invocation = ::cachecore_invocation;
class engine;
struct request;
struct lease;
struct subscription;
struct item_stream;

struct wait : post_node {
  enum phase_of_wait : uint8_t { pending, ended, abandoned, left };

  // What the service must do when the wait was abandoned: withdraw it where possible. Runs on the executor; returns the
  // status the invocation continues with (a sent change is UNCERTAIN). If it ends the wait for good it sets phase to
  // ended.
  using abandon_function = cachecore_status (*)(wait *self, cachecore_status reason);
  std::atomic<uint8_t> phase{pending};
  bool held_elsewhere = false;  // a plugin keeps a pointer to it and ends it even if the invocation is given up
  bool sent_change = false;     // set by the service when a change went out for it
  cachecore_status status = CACHECORE_OK;
  invocation *owner = nullptr;
  std::atomic<lane *> line{nullptr};  // of a request: where it was released to
  wait *next = nullptr;               // in the owner's list of pending, or of received waits
  wait *previous = nullptr;
  cachecore_continuation then = nullptr;
  void *state = nullptr;
  abandon_function abandon = nullptr;
  // Asked on the executor before the continuation runs; true: the service goes on with the wait instead (it is pending
  // again).
  bool (*intercept)(wait *self) = nullptr;
  invocation *child = nullptr;
  // Of a wait that is part of another one: takes its answer on the executor instead of a continuation. It is in no list
  // of the invocation.
  void (*collect)(wait *self) = nullptr;
  // Of a wait that is made of parts (see gather.h): gives up those it can; true if it did anything. It then ends by
  // itself, when the last part has.
  bool (*abandon_parts)(wait *self, cachecore_status reason) = nullptr;
  cachecore_error *error = nullptr;  // in `memory` or the owner's
  cachecore_value value{};           // the answer; its tree is in `memory`
  arena memory;                      // holds this wait itself
};

// Makes a wait (or a struct derived from it) at the start of its own memory.
template <class T>
T *make_wait(size_t capacity = 0) {
  memory_block *block = acquire_block(sizeof(T) + 64 + capacity);
  void *place = block + 1;
  block->used = static_cast<uint32_t>((sizeof(T) + 15) & ~size_t{15});
  T *made = new (place) T;  // no (): it would be zeroed first
  made->memory.begin(block);
  return made;
}

void destroy_wait(wait *self) noexcept;

// Called by services, from any thread, exactly once a wait: status, value and error have been set. After it the wait
// belongs to the invocation (or is freed, when the invocation had left). False: nobody will see the answer.
bool end_wait(wait *self) noexcept;

// The same, but leaves a wait alone that its invocation gave up: whoever that told ends it.
bool end_wait_if_pending(wait *self) noexcept;

// Sets an error in the wait's memory.
void set_wait_error(wait *self, cachecore_status status, std::string_view message, std::string_view code = {}) noexcept;

// An entry of the loop's heap of deadlines.
struct timer_entry {
  int64_t when = no_deadline;
  size_t position = SIZE_MAX;  // in the heap
  void (*expire)(timer_entry *entry) = nullptr;
};

struct adoption : post_node {
  invocation *adopted = nullptr;
};

// A place in a circular list with a sentinel.
struct live_link {
  live_link *next_live = this;
  live_link *previous_live = this;

  live_link() = default;
  live_link(const live_link &) = delete;
  live_link &operator=(const live_link &) = delete;
  [[nodiscard]] bool linked() const noexcept { return next_live != this; }
  void unlink() noexcept {
    next_live->previous_live = previous_live;
    previous_live->next_live = next_live;
    next_live = previous_live = this;
  }
  void insert_before(live_link &place) noexcept {
    next_live = &place;
    previous_live = place.previous_live;
    previous_live->next_live = this;
    place.previous_live = this;
  }
};

}  // namespace cachecore_internal

struct cachecore_invocation : cachecore_internal::timer_entry, cachecore_internal::live_link {
  using wait = cachecore_internal::wait;

  cachecore_internal::engine *eng = nullptr;
  const cachecore_method *method = nullptr;  // null for background work
  const char *name = "";                     // for messages
  cachecore_result *result = nullptr;        // its memory holds this invocation
  std::atomic<cachecore_internal::executor *> exec{nullptr};
  // Read the clock only if it waits: until then the deadline is so many milliseconds away (-1: none).
  int64_t allowed_ms = -1;
  int64_t deadline = cachecore_internal::no_deadline;
  int64_t started = 0;  // when it first waited; 0 before

  // Whom it answers: at most one of these.
  cachecore_internal::waiter *root_of = nullptr;  // a blocking call
  cachecore_completions *queue = nullptr;         // a submitted operation
  wait *parent = nullptr;                         // a child call
  uint64_t user_data = 0;
  uint64_t operation = 0;
  cachecore_invocation *next_operation = nullptr;  // in the loop's table
  bool *finished_here = nullptr;                   // told when it finishes before its submitter let it go

  cachecore_status given_up = CACHECORE_OK;
  bool finished = false;     // complete or fail was called
  bool caller_gone = false;  // already completed for the caller
  bool in_step = false;
  bool changed = false;  // a change was sent on its behalf
  bool finalized = false;
  bool awaits_adoption = false;  // handed to the loop, which has not taken it yet
  bool counted_live = false;     // the engine waits for its end before it goes away
  uint32_t depth = 0;            // of child calls
  uint32_t late_waits = 0;       // begun after it was given up

  cachecore_status outcome = CACHECORE_OK;
  cachecore_value value{};
  cachecore_error *error = nullptr;
  bool adopts = false;  // the value points into what was received

  wait *pending = nullptr;
  wait *received = nullptr;
  cachecore_internal::request *staged = nullptr;  // begun in this step, oldest first
  cachecore_internal::request **staged_tail = &staged;
  cachecore_internal::lease *leases = nullptr;             // exclusive connections it holds
  cachecore_internal::subscription *subscribed = nullptr;  // what it listens to

  cachecore_internal::item_stream *items = nullptr;  // of a streaming method
  cachecore_internal::adoption adopt_node;           // posts the invocation itself to the loop
};

namespace cachecore_internal {

// Registers a wait that a service is about to work on. If the invocation has been given up the wait ends at once and
// this returns false: the service must not touch it.
bool begin_wait(invocation &owner, wait *self) noexcept;

// Notes when it begins to wait, and until when.
inline void start_clock(invocation &waiting) noexcept {
  if (waiting.started != 0) return;
  waiting.started = now_ns();
  if (waiting.allowed_ms >= 0) waiting.deadline = waiting.started + waiting.allowed_ms * ns_per_ms;
}

// Ends a part by the invocation's own will; collect is not called. False when its service was faster: it is on its way.
bool abandon_part(wait *part, cachecore_status reason, cachecore_status *status) noexcept;

// Runs `start` as the first step. The executor must be set.
void start_invocation(invocation &started, cachecore_method_function start, void *instance, const cachecore_value *args,
                      size_t count) noexcept;

// complete and fail of the services.
void complete_invocation(invocation &ended, const cachecore_value *value, uint32_t flags) noexcept;
void fail_invocation(invocation &ended, cachecore_status status, std::string_view message, std::string_view code,
                     bool prefix) noexcept;

// Gives it up with its children; runs what continues at once. On its executor, outside steps.
void give_up_invocation(invocation &given_up, cachecore_status reason) noexcept;

// Answers the caller of an invocation that goes on alone, with the reason it was given up for. On its executor.
void leave_caller(invocation &left) noexcept;

// Runs a subscription's continuation for one message, as a step. On the executor, outside steps. The message is
// copied and lives until it is forgotten or the invocation ends. Throws std::bad_alloc.
void run_message(invocation &owner, wait &subscribed, const cachecore_value &message);

// Why its caller gets no answer: UNCERTAIN once a change was sent.
cachecore_error describe_giving_up(const invocation &given_up) noexcept;

// Makes `to` the executor of an invocation and, before that, of its children: from then on `to` may run them.
void move_invocation(invocation &moved, executor &to) noexcept;

}  // namespace cachecore_internal
