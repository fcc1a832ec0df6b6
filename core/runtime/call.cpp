#include "core/runtime/call.h"

#include "core/plugins/validate.h"
#include "core/wire/gather.h"
#include "core/wire/lane.h"

namespace cachecore_internal {
namespace {

constexpr uint32_t max_call_depth = 32;

// Sets the executor of this thread for the time of a call.
class runs_as {
 public:
  explicit runs_as(executor &now) noexcept : before_(this_thread.current) { this_thread.current = &now; }
  ~runs_as() { this_thread.current = before_; }
  runs_as(const runs_as &) = delete;
  runs_as &operator=(const runs_as &) = delete;

 private:
  executor *before_;
};

// How long it may take; -1: as long as it likes.
int64_t allowed_time(const ::cachecore_handle &core, const cachecore_method &method, const argument_list &args,
                     int64_t timeout_ms) {
  constexpr int64_t as_good_as_none = int64_t{1'000'000'000'000};
  if (timeout_ms > 0) return timeout_ms < as_good_as_none ? timeout_ms : -1;
  if (timeout_ms == -1) return -1;
  if (timeout_ms != 0) {
    throw failure(
        CACHECORE_INVALID_ARGUMENT,
        method.name + ": timeout_ms must be > 0, 0 (the default) or -1 (none), got " + std::to_string(timeout_ms));
  }
  const int64_t allowed = core.settings.call_timeout_ms;
  if (allowed < 0 || method.wait_parameter < 0) return allowed;
  const cachecore_value &wait = args.values[method.wait_parameter];
  if (wait.kind != CACHECORE_INT) return allowed;
  return wait.as.integer < 0 || wait.as.integer >= as_good_as_none ? -1 : allowed + wait.as.integer;
}

// Validates and copies what must outlive the first wait.
argument_list prepare(const cachecore_method &method, const cachecore_value *args, size_t count, arena &memory) {
  if (method.unusable.load(std::memory_order_acquire)) {
    throw failure(CACHECORE_INVALID_STATE,
                  method.name + ": its plugin could not be made anew at the last reset: call cachecore_reset again");
  }
  argument_list valid = validate_arguments(method, args, count, memory);
  if ((method.flags & CACHECORE_METHOD_BORROWS_ARGUMENTS) != 0 || valid.count == 0) return valid;
  auto *copies = memory.allocate_array<cachecore_value>(valid.count);
  for (size_t i = 0; i < valid.count; i++)
    copies[i] = valid.values[i].kind < CACHECORE_BYTES ? valid.values[i] : memory.copy(valid.values[i]);
  return {copies, valid.count};
}

// The one lane all waits of this call are for, which its thread may read itself; null if there are others.
lane *sole_lane(const invocation &waiting) noexcept {
  lane *found = nullptr;
  for (const wait *each = waiting.pending; each != nullptr; each = each->next) {
    if (each->held_elsewhere) continue;  // parked: a reader looks for a wake-up after every slice of receiving
    if (each->abandon_parts != nullptr) return nullptr;
    lane *line = each->child != nullptr ? sole_lane(*each->child) : each->line.load(std::memory_order_acquire);
    if (line == nullptr || (found != nullptr && found != line)) return nullptr;
    found = line;
  }
  return found;
}

void leave_parts_to_loop(const wait &whole) noexcept {
  const auto &gathered = static_cast<const gather &>(whole);
  for (size_t i = 0; i < gathered.count; i++) {
    lane *line = gathered.parts[i] != nullptr ? gathered.parts[i]->line.load(std::memory_order_acquire) : nullptr;
    if (line != nullptr) line->have_loop_read();
  }
}

// Of several lanes its thread reads none.
void leave_lanes_to_loop(const invocation &waiting) noexcept {
  for (const wait *each = waiting.pending; each != nullptr; each = each->next) {
    if (each->child != nullptr) leave_lanes_to_loop(*each->child);
    if (each->abandon_parts != nullptr) leave_parts_to_loop(*each);
    lane *line = each->line.load(std::memory_order_acquire);
    if (line != nullptr) line->have_loop_read();
  }
}

cachecore_status take_outcome(invocation &ended, cachecore_result **out, cachecore_error *error) noexcept {
  cachecore_result *result = ended.result;
  const cachecore_status status = result->status;
  if (status == CACHECORE_OK) {
    clear_error(error);
    if (out != nullptr) {
      *out = result;
      return status;
    }
  } else if (error != nullptr) {
    if (result->error != nullptr) {
      *error = *result->error;
    } else {
      set_error(error, status, "");
    }
  }
  free_result(result);
  return status;
}

// Serves the call's waits until it has ended or was given up and goes on without this thread.
cachecore_status block(waiter &self, invocation &root, cachecore_result **out, cachecore_error *error) {
  engine &eng = *root.eng;
  self.begin_wait(&eng);
  cachecore_status reason = CACHECORE_OK;
  bool quiet = false;  // a while has passed, or a signal came, and nothing else
  while (true) {
    self.drain();
    if (self.root_done) break;
    // Set by whoever ends the engine after begin_wait; before it, `ending` was set already.
    reason = self.interrupted() != 0 ? self.interrupted() : eng.ending();
    if (reason != CACHECORE_OK) break;
    if (root.deadline != no_deadline && now_ns() >= root.deadline) {
      reason = CACHECORE_TIMEOUT;
      break;
    }
    if (quiet && this_thread.question.ask != nullptr && this_thread.question.ask(this_thread.question.context) != 0) {
      reason = CACHECORE_CANCELLED;
      break;
    }
    lane *line = sole_lane(root);
    if (line != nullptr && line->try_lead()) {
      quiet = line->read_for(self, root.deadline);
      line->stop_leading();
      continue;
    }
    if (line == nullptr) leave_lanes_to_loop(root);
    quiet = self.sleep_until(root.deadline);
  }
  if (!self.root_done) {
    give_up_invocation(root, reason);
    self.drain();
  }
  self.end_wait();
  if (self.root_done) return take_outcome(root, out, error);

  // It still waits for something that is on its way: the loop takes it from here.
  const cachecore_error why = describe_giving_up(root);
  leave_caller(root);
  root.counted_live = true;
  eng.enter_live();
  eng.hand_to_loop(root, self);
  if (error != nullptr) *error = why;
  return why.status;
}

// This thread's waiter, or one of its own while this thread is running something already.
class borrowed_waiter {
 public:
  borrowed_waiter()
      : borrowed_(this_thread.current != nullptr), waiter_(borrowed_ ? waiter::borrow() : waiter::of_this_thread()) {}
  ~borrowed_waiter() {
    if (borrowed_) waiter::give_back(waiter_);
  }
  borrowed_waiter(const borrowed_waiter &) = delete;
  borrowed_waiter &operator=(const borrowed_waiter &) = delete;
  [[nodiscard]] waiter &get() const noexcept { return waiter_; }

 private:
  const bool borrowed_;
  waiter &waiter_;
};

}  // namespace

cachecore_status call_method(::cachecore_handle &core, const cachecore_method &method, const cachecore_value *args,
                             size_t count, int64_t timeout_ms, cachecore_result **out, cachecore_error *error) {
  if (this_thread.step_depth > 0 || this_thread.log_depth > 0 ||
      (this_thread.current != nullptr && this_thread.current->is_loop())) {
    throw failure(CACHECORE_INVALID_STATE, method.name +
                                               ": a blocking call must not be made from a continuation or a log "
                                               "callback: use the call service, or submit");
  }
  if ((method.flags & CACHECORE_METHOD_STREAMING) != 0) {
    throw failure(CACHECORE_INVALID_ARGUMENT, method.name + " is a stream: use cachecore_submit");
  }
  engine &eng = *core.running;
  waiter &self = waiter::of_this_thread();
  invocation *root = eng.make_invocation(&method, method.name.c_str());
  argument_list given;
  try {
    given = prepare(method, args, count, root->result->memory);
    root->allowed_ms = allowed_time(core, method, given, timeout_ms);
  } catch (...) {
    free_result(root->result);
    throw;
  }
  root->exec.store(&self, std::memory_order_relaxed);
  root->root_of = &self;
  self.root_done = false;
  const runs_as as(self);
  start_invocation(*root, method.start, method.instance.load(std::memory_order_acquire), given.values, given.count);
  if (self.root_done) return take_outcome(*root, out, error);
  return block(self, *root, out, error);
}

cachecore_status submit_method(::cachecore_handle &core, const cachecore_method &method, const cachecore_value *args,
                               size_t count, int64_t timeout_ms, cachecore_completions &queue, uint64_t user_data,
                               uint64_t *operation, cachecore_error *error) {
  engine &eng = *core.running;
  // Within a call of this thread (a log callback submits) the steps run as somebody else: what is posted to the call's
  // own waiter must not go to the loop with them.
  const borrowed_waiter runner;
  waiter &self = runner.get();
  const bool streaming = (method.flags & CACHECORE_METHOD_STREAMING) != 0;
  invocation *root = eng.make_invocation(&method, method.name.c_str());
  argument_list given;
  try {
    given = prepare(method, args, count, root->result->memory);
    root->allowed_ms = streaming && timeout_ms == 0 ? -1 : allowed_time(core, method, given, timeout_ms);
    start_clock(*root);
    if (streaming) root->items = new item_stream();
    eng.events().start();
  } catch (...) {
    if (root->items != nullptr) unref_stream(root->items);
    free_result(root->result);
    throw;
  }
  root->operation = core.operations.fetch_add(1, std::memory_order_relaxed) + 1;
  root->user_data = user_data;
  root->queue = &queue;
  ref_queue(&queue);
  root->counted_live = true;
  eng.enter_live();
  if (operation != nullptr) *operation = root->operation;
  clear_error(error);

  // It may finish here, or be handed over: afterwards it is not this thread's any more.
  executor *before = this_thread.current;
  const bool submitting_before = this_thread.submitting;
  this_thread.current = &self;
  this_thread.submitting = true;
  root->exec.store(&self, std::memory_order_relaxed);
  bool finished = false;
  root->finished_here = &finished;
  start_invocation(*root, method.start, method.instance.load(std::memory_order_acquire), given.values, given.count);
  this_thread.submitting = submitting_before;
  if (!finished) {
    root->finished_here = nullptr;
    eng.hand_to_loop(*root, self);
  } else {
    self.drain();  // what it began and did not wait for
  }
  this_thread.current = before;
  return CACHECORE_OK;
}

void call_child(invocation &parent, const cachecore_method &method, const cachecore_value *args, size_t count,
                cachecore_continuation then, void *state) noexcept {
  wait *answer = nullptr;
  try {
    answer = make_wait<wait>();
    answer->then = then;
    answer->state = state;
    if (!begin_wait(parent, answer)) return;
    engine &eng = *parent.eng;
    if (parent.depth >= max_call_depth) {
      throw failure(CACHECORE_INVALID_STATE, method.name + ": methods call each other more than 32 deep");
    }
    if ((method.flags & CACHECORE_METHOD_STREAMING) != 0) {
      throw failure(CACHECORE_INVALID_ARGUMENT, method.name + " is a stream: methods cannot call it");
    }
    invocation *child = eng.make_invocation(&method, method.name.c_str());
    argument_list given;
    try {
      given = prepare(method, args, count, child->result->memory);
    } catch (...) {
      free_result(child->result);
      throw;
    }
    child->parent = answer;
    child->depth = parent.depth + 1;
    child->deadline = parent.deadline;
    child->exec.store(parent.exec.load(std::memory_order_relaxed), std::memory_order_relaxed);
    answer->child = child;
    start_invocation(*child, method.start, method.instance.load(std::memory_order_acquire), given.values, given.count);
  } catch (const failure &fault) {
    set_wait_error(answer, fault.status(), fault.message());
    end_wait(answer);
  } catch (const std::exception &) {
    static const cachecore_error error = {CACHECORE_NO_MEMORY, "", "out of memory"};
    if (answer == nullptr) {
      then(state, CACHECORE_NO_MEMORY, nullptr, &error);
      return;
    }
    set_wait_error(answer, CACHECORE_NO_MEMORY, error.message);
    end_wait(answer);
  }
}

void emit_item(invocation &owner, const cachecore_value &item) noexcept {
  if (owner.items == nullptr || owner.queue == nullptr || owner.caller_gone || owner.finished) return;
  cachecore_result *result = nullptr;
  try {
    result = make_result();
    result->value = result->memory.copy(item);
  } catch (const std::exception &) {
    free_result(result);
    owner.eng->log(CACHECORE_LOG_ERROR, std::string(owner.name) + ": an item was lost: out of memory");
    return;
  }
  result->user_data = owner.user_data;
  result->operation = owner.operation;
  result->flags = CACHECORE_COMPLETION_MORE;
  result->stream = owner.items;
  owner.items->references.fetch_add(1, std::memory_order_relaxed);
  ref_queue(owner.queue);
  owner.eng->push_completion(*owner.queue, result);
}

}  // namespace cachecore_internal
