#include "core/runtime/invocation.h"

#include <string>

#include "core/plugins/method.h"
#include "core/runtime/completion_queue.h"
#include "core/runtime/engine.h"
#include "core/runtime/loop.h"
#include "core/wire/request.h"

namespace cachecore_internal {
namespace {

void unlink_pending(wait *self) noexcept {
  if (self->previous != nullptr) {
    self->previous->next = self->next;
  } else {
    self->owner->pending = self->next;
  }
  if (self->next != nullptr) self->next->previous = self->previous;
  self->next = self->previous = nullptr;
}

void post_to(invocation &owner, post_node *node) noexcept {
  for (;;) {
    executor *target = owner.exec.load(std::memory_order_acquire);
    if (target == this_thread.current) {
      target->post_local(node);
      return;
    }
    if (target->is_loop()) {
      static_cast<loop *>(target)->post(node);
      return;
    }
    if (static_cast<waiter *>(target)->post_if_current(node, owner.exec)) return;
  }
}

void finalize(invocation &ended) noexcept;
void after_step(invocation &stepped) noexcept;

// Runs one continuation as a step of its invocation.
void continue_with(invocation &owner, wait *self, cachecore_status status, const cachecore_value *value,
                   const cachecore_error *error) noexcept {
  this_thread.step_depth++;
  owner.in_step = true;
  self->then(self->state, status, value, error);
  owner.in_step = false;
  this_thread.step_depth--;
}

cachecore_error out_of_memory = {CACHECORE_NO_MEMORY, "", "out of memory"};

// An error that lives as long as the result.
cachecore_error *make_error(invocation &owner, cachecore_status status, std::string_view message,
                            std::string_view code = {}) noexcept {
  try {
    auto *error = owner.result->memory.allocate_array<cachecore_error>(1);
    set_error(error, status, message, code);
    return error;
  } catch (const std::exception &) {
    return &out_of_memory;
  }
}

const char *reason_text(cachecore_status status) noexcept {
  switch (status) {
    case CACHECORE_TIMEOUT:
      return "the deadline passed before the answer came; nothing that changes data was sent";
    case CACHECORE_CANCELLED:
      return "cancelled; nothing that changes data was sent";
    case CACHECORE_CLOSED:
      return "the core is being closed";
    case CACHECORE_UNAVAILABLE:
      return "the core was reset before the answer came; nothing that changes data was sent";
    default:
      return "given up after a change was sent: it may or may not have been applied";
  }
}

// What an invocation that gave up for `reason` can truthfully say.
cachecore_status truthful(const invocation &given_up, cachecore_status reason) noexcept {
  return given_up.changed && reason != CACHECORE_CLOSED ? CACHECORE_UNCERTAIN : reason;
}

bool says_nothing_was_sent(cachecore_status status) noexcept {
  return status == CACHECORE_TIMEOUT || status == CACHECORE_CANCELLED || status == CACHECORE_UNAVAILABLE;
}

void deliver(post_node *node) noexcept {
  auto *self = static_cast<wait *>(node);
  invocation &owner = *self->owner;
  if (owner.awaits_adoption) {
    // It was posted by another thread between the hand-over and the adoption, which is on its way: it goes behind that.
    static_cast<loop *>(this_thread.current)->post(self);
    return;
  }
  if (self->sent_change) owner.changed = true;
  if (self->intercept != nullptr && self->intercept(self)) return;
  if (self->collect != nullptr) {
    self->collect(self);
    return;
  }
  unlink_pending(self);
  self->next = owner.received;
  owner.received = self;
  const bool answered = self->status == CACHECORE_OK;
  if (owner.given_up != CACHECORE_OK && says_nothing_was_sent(self->status) && owner.changed) {
    // What ended here sent nothing; what ended before it did.
    const cachecore_status status = truthful(owner, self->status);
    continue_with(owner, self, status, nullptr, make_error(owner, status, reason_text(status)));
  } else {
    continue_with(owner, self, self->status, answered ? &self->value : nullptr, answered ? nullptr : self->error);
  }
  after_step(owner);
}

// A wait that was begun too late but that somebody else holds: it continues, and is freed when both are done with it.
void deliver_late(post_node *node) noexcept {
  auto *self = static_cast<wait *>(node);
  invocation &owner = *self->owner;
  if (owner.awaits_adoption) {
    static_cast<loop *>(this_thread.current)->post(self);
    return;
  }
  const cachecore_status reason =
      truthful(owner, owner.given_up != CACHECORE_OK ? owner.given_up : CACHECORE_CANCELLED);
  unlink_pending(self);
  continue_with(owner, self, reason, nullptr, make_error(owner, reason, reason_text(reason)));
  if (self->phase.exchange(wait::left, std::memory_order_acq_rel) == wait::ended) destroy_wait(self);
  after_step(owner);
}

// Ends one pending wait by the invocation's own will and continues. False when its service was faster.
bool abandon(invocation &owner, wait *self, cachecore_status reason) noexcept {
  uint8_t expected = wait::pending;
  if (!self->phase.compare_exchange_strong(expected, wait::abandoned, std::memory_order_acq_rel)) return false;
  cachecore_status status = self->abandon != nullptr ? self->abandon(self, reason) : reason;
  if (status == CACHECORE_UNCERTAIN) owner.changed = true;
  status = truthful(owner, status);
  unlink_pending(self);
  continue_with(owner, self, status, nullptr, make_error(owner, status, reason_text(status)));
  if (self->phase.exchange(wait::left, std::memory_order_acq_rel) == wait::ended) destroy_wait(self);
  return true;
}

// Abandons every wait that can be; those already ended are on their way through the inbox, children end by finishing.
void abandon_all(invocation &owner, cachecore_status reason) noexcept {
  for (bool again = true; again;) {
    again = false;
    for (wait *each = owner.pending; each != nullptr; each = each->next) {
      if (each->child != nullptr) {
        if (each->child->given_up == CACHECORE_OK && !each->child->finalized) {
          give_up_invocation(*each->child, reason);
          again = true;
          break;
        }
        continue;
      }
      if (each->abandon_parts != nullptr) {
        if (each->abandon_parts(each, reason)) {
          again = true;
          break;
        }
        continue;
      }
      if (abandon(owner, each, reason)) {
        again = true;  // the list may have changed in any way
        break;
      }
    }
  }
}

void after_step(invocation &stepped) noexcept {
  if (stepped.in_step || stepped.finalized) return;
  if (!stepped.finished) {
    if (!this_thread.submitting) release_requests(stepped);
    return;
  }
  if (stepped.pending != nullptr) {
    // It ended while requests of its own are under way: they continue once, with CANCELLED, before the end counts.
    if (stepped.given_up == CACHECORE_OK) stepped.given_up = CACHECORE_CANCELLED;
    drop_unreleased_requests(stepped);
    abandon_all(stepped, CACHECORE_CANCELLED);
    if (stepped.pending != nullptr) return;
  }
  if (!stepped.finalized) finalize(stepped);
}

void take_received(invocation &ended, bool adopt) noexcept {
  while (ended.received != nullptr) {
    wait *each = ended.received;
    ended.received = each->next;
    arena kept;  // frees what it still holds
    kept.begin(each->memory.detach());
    if (adopt) ended.result->memory.adopt(kept);
  }
}

void undo_grant(invocation &ended) noexcept {
  const cachecore_method *method = ended.method;
  if (ended.outcome != CACHECORE_OK || method == nullptr || method->undo == nullptr) return;
  ended.eng->start_undo(*method, ended.value);
}

void finalize(invocation &ended) noexcept {
  ended.finalized = true;
  engine &eng = *ended.eng;
  eng.invocation_ends(ended);
  cachecore_result *result = ended.result;
  take_received(ended, ended.adopts && ended.outcome == CACHECORE_OK);
  result->status = ended.outcome;
  result->value = ended.outcome == CACHECORE_OK ? ended.value : cachecore_nil();
  result->error = ended.outcome == CACHECORE_OK ? nullptr : ended.error;
  result->method = ended.method;

  if (ended.parent != nullptr) {
    wait *answered = ended.parent;
    answered->status = ended.outcome;
    answered->value = result->value;
    answered->error = result->error;
    if (ended.changed) answered->sent_change = true;
    arena kept;
    kept.begin(result->memory.detach());
    answered->memory.adopt(kept);
    end_wait(answered);
    return;
  }
  if (ended.root_of != nullptr && !ended.caller_gone) {
    ended.root_of->root_done = true;  // the caller takes the result
    return;
  }
  const bool counted = ended.counted_live;
  if (ended.queue != nullptr && !ended.caller_gone) {
    result->user_data = ended.user_data;
    result->operation = ended.operation;
    result->flags = 0;
    if (ended.finished_here != nullptr) *ended.finished_here = true;
    eng.push_completion(*ended.queue, result);  // takes the invocation's reference to the queue too
  } else {
    if (ended.caller_gone) undo_grant(ended);
    free_result(result);
  }
  if (counted) eng.leave_live();
}

}  // namespace

void destroy_wait(wait *self) noexcept { release_blocks(self->memory.detach()); }

bool end_wait(wait *self) noexcept {
  const uint8_t before = self->phase.exchange(wait::ended, std::memory_order_acq_rel);
  if (before == wait::pending) {
    self->run = deliver;
    post_to(*self->owner, self);
    return true;
  }
  if (before == wait::left) destroy_wait(self);
  return false;
}

bool end_wait_if_pending(wait *self) noexcept {
  uint8_t expected = wait::pending;
  if (!self->phase.compare_exchange_strong(expected, wait::ended, std::memory_order_acq_rel)) return false;
  self->run = deliver;
  post_to(*self->owner, self);
  return true;
}

void set_wait_error(wait *self, cachecore_status status, std::string_view message, std::string_view code) noexcept {
  self->status = status;
  try {
    self->error = self->memory.allocate_array<cachecore_error>(1);
    set_error(self->error, status, message, code);
  } catch (const std::exception &) {
    self->error = &out_of_memory;
  }
}

bool begin_wait(invocation &owner, wait *self) noexcept {
  start_clock(owner);
  self->owner = &owner;
  self->previous = nullptr;
  self->next = owner.pending;
  if (owner.pending != nullptr) owner.pending->previous = self;
  owner.pending = self;
  const bool gave_up = owner.given_up != CACHECORE_OK || owner.finished;
  if (!gave_up) return true;
  const cachecore_status reason =
      truthful(owner, owner.given_up != CACHECORE_OK ? owner.given_up : CACHECORE_CANCELLED);
  if (self->held_elsewhere) {
    self->phase.store(wait::abandoned, std::memory_order_relaxed);
    self->run = deliver_late;
  } else {
    set_wait_error(self, reason, reason_text(reason));
    self->phase.store(wait::ended, std::memory_order_relaxed);
    self->run = deliver;
  }
  // A method that goes on asking after it was given up takes its turn behind everybody else.
  executor *target = owner.exec.load(std::memory_order_acquire);
  if (++owner.late_waits > 100 && target->is_loop()) {
    static_cast<loop *>(target)->post(self);
  } else {
    post_to(owner, self);
  }
  return false;
}

bool abandon_part(wait *part, cachecore_status reason, cachecore_status *status) noexcept {
  uint8_t expected = wait::pending;
  if (!part->phase.compare_exchange_strong(expected, wait::abandoned, std::memory_order_acq_rel)) return false;
  *status = part->abandon(part, reason);
  if (*status == CACHECORE_UNCERTAIN) part->owner->changed = true;
  if (part->phase.exchange(wait::left, std::memory_order_acq_rel) == wait::ended) destroy_wait(part);
  return true;
}

void start_invocation(invocation &started, cachecore_method_function start, void *instance, const cachecore_value *args,
                      size_t count) noexcept {
  this_thread.step_depth++;
  started.in_step = true;
  start(instance, &started, args, count);
  started.in_step = false;
  this_thread.step_depth--;
  after_step(started);
}

void complete_invocation(invocation &ended, const cachecore_value *value, uint32_t flags) noexcept {
  if (ended.finished) {
    ended.eng->log(CACHECORE_LOG_ERROR, std::string(ended.name) + ": completed twice; the second time is ignored");
    return;
  }
  ended.finished = true;
  ended.outcome = CACHECORE_OK;
  ended.value = value != nullptr ? *value : cachecore_nil();
  ended.adopts = (flags & CACHECORE_COMPLETE_ADOPT) != 0;
  if (!ended.adopts) {
    // The plugin's memory may go as soon as this returns.
    try {
      ended.value = ended.result->memory.copy(ended.value);
    } catch (const failure &fault) {
      ended.finished = false;
      fail_invocation(ended, CACHECORE_INTERNAL, fault.message(), {}, true);
    } catch (const std::exception &) {
      ended.finished = false;
      fail_invocation(ended, CACHECORE_NO_MEMORY, "out of memory", {}, true);
    }
  }
}

void fail_invocation(invocation &ended, cachecore_status status, std::string_view message, std::string_view code,
                     bool prefix) noexcept {
  if (ended.finished) {
    ended.eng->log(CACHECORE_LOG_ERROR, std::string(ended.name) + ": failed after its end; ignored");
    return;
  }
  ended.finished = true;
  ended.outcome = status == CACHECORE_OK ? CACHECORE_INTERNAL : status;
  std::string text;
  try {
    if (prefix) text = std::string(ended.name) + ": ";
    if (message.starts_with(text)) text.clear();
    text += message;
  } catch (const std::exception &) {
    text.clear();
  }
  ended.error = make_error(ended, ended.outcome, text, code);
  ended.outcome = ended.error->status;
}

void give_up_invocation(invocation &given_up, cachecore_status reason) noexcept {
  if (given_up.given_up != CACHECORE_OK || given_up.finalized) return;
  given_up.given_up = reason;
  drop_unreleased_requests(given_up);
  abandon_all(given_up, reason);
  after_step(given_up);
}

void run_message(invocation &owner, wait &subscribed, const cachecore_value &message) {
  auto *kept = make_wait<wait>();
  try {
    kept->value = kept->memory.copy(message);
  } catch (...) {
    destroy_wait(kept);
    throw;
  }
  kept->next = owner.received;
  owner.received = kept;
  continue_with(owner, &subscribed, CACHECORE_OK, &kept->value, nullptr);
  after_step(owner);
}

cachecore_error describe_giving_up(const invocation &given_up) noexcept {
  const cachecore_status status = truthful(given_up, given_up.given_up);
  cachecore_error error;
  set_error(&error, status, std::string(given_up.name) + ": " + reason_text(status));
  return error;
}

void leave_caller(invocation &left) noexcept {
  if (left.caller_gone || left.finalized) return;
  left.caller_gone = true;
  if (left.queue == nullptr) return;
  const cachecore_status status = truthful(left, left.given_up);
  const cachecore_error error = describe_giving_up(left);
  cachecore_result *result = make_failed_result(status, &error);
  result->user_data = left.user_data;
  result->operation = left.operation;
  left.eng->push_completion(*left.queue, result);
  left.queue = nullptr;
}

void move_invocation(invocation &moved, executor &to) noexcept {
  for (wait *each = moved.pending; each != nullptr; each = each->next) {
    if (each->child != nullptr) move_invocation(*each->child, to);
  }
  moved.exec.store(&to, std::memory_order_release);
}

}  // namespace cachecore_internal
