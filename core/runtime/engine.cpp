#include "core/runtime/engine.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>

#include "core/core.h"
#include "core/log.h"
#include "core/topology/router.h"
#include "core/wire/subscriptions.h"
#include "core/wire/tracking.h"

namespace cachecore_internal {

engine::engine(cachecore_handle &owner, const configuration &settings, core_log &log)
    : owner_(owner), settings_(settings), log_(log), loop_(*this) {
  router_ = std::make_unique<router>(*this);
  pushes_ = std::make_unique<subscriptions>(*this);
  tracked_ = std::make_unique<trackings>(*this);
}

engine::~engine() = default;

void engine::log(int32_t level, const std::string &message) noexcept { log_.write(level, message); }

// ---- Invocations ----

invocation *engine::make_invocation(const cachecore_method *method, const char *name) {
  cachecore_result *result = make_result();
  invocation *made = nullptr;
  try {
    made = new (result->memory.allocate(sizeof(invocation))) invocation;  // no (): it would be zeroed first
  } catch (...) {
    free_result(result);
    throw;
  }
  made->eng = this;
  made->method = method;
  made->name = name;
  made->result = result;
  return made;
}

void engine::invocation_ends(invocation &ended) noexcept {
  if (ended.items != nullptr) unref_stream(ended.items);
  if (ended.subscribed != nullptr && loop_.is_this_thread()) {
    pushes_->end(ended);
  } else if (ended.subscribed != nullptr) {
    // It ended where it began, before it joined the others: whoever was to join it finds it over.
    ended.subscribed->over = true;
    ended.subscribed = nullptr;
  }
  if (ended.leases != nullptr) node::end_leases(ended);
  if (loop_.is_this_thread()) {
    loop_.release(ended);
    if (giving_up_ == &ended) giving_up_ = nullptr;
  }
  if (ended.method == nullptr) return;
  const uint32_t shard = shard_of_this_thread();
  method_counters::shard &counters = const_cast<cachecore_method *>(ended.method)->counters.shards[shard];
  add_to_shard(counters.calls, shard, 1);
  if (ended.outcome < 0) add_to_shard(counters.errors, shard, 1);
  if (ended.started != 0) {
    const auto took = static_cast<uint64_t>(std::max<int64_t>(now_ns() - ended.started, 0));
    if (owner_.slow.is_slow(static_cast<int64_t>(took))) [[unlikely]] {
      owner_.slow.add(*ended.method, static_cast<int64_t>(took), ended.outcome);
    }
    add_to_shard(counters.timed, shard, 1);
    add_to_shard(counters.total_ns, shard, took);
    const int bucket = std::min(static_cast<int>(std::bit_width(took / 1'000)), method_counters::bucket_count - 1);
    add_to_shard(counters.buckets[bucket], shard, 1);
  }
}

void engine::push_completion(cachecore_completions &queue, cachecore_result *result) noexcept {
  if (loop_.is_this_thread()) {
    loop_.add_completion(queue, result);
    return;
  }
  result->next = nullptr;
  if (!push_results(queue, result)) undo_results(result);
  unref_queue(&queue);
}

void engine::undo_results(cachecore_result *chain) noexcept {
  while (chain != nullptr) {
    cachecore_result *next = chain->next;
    if (chain->stream != nullptr) unref_stream(chain->stream);
    if (chain->status == CACHECORE_OK && chain->flags == 0 && chain->method != nullptr &&
        chain->method->undo != nullptr) {
      start_undo(*chain->method, chain->value);
    }
    free_result(chain);
    chain = next;
  }
}

void engine::start_undo(const cachecore_method &method, const cachecore_value &granted) noexcept {
  cachecore_result *unsent = nullptr;
  bool counted = false;
  try {
    loop_.start();
    invocation *made = make_invocation(nullptr, method.name.c_str());
    unsent = made->result;
    made->exec.store(&loop_, std::memory_order_relaxed);
    auto *copy = made->result->memory.allocate_array<cachecore_value>(1);
    *copy = made->result->memory.copy(granted);
    made->deadline = deadline_after_ms(settings_.call_timeout_ms);
    made->counted_live = true;
    enter_live();
    counted = true;
    loop_.post_function([this, made, copy, &method] {
      loop_.adopt(*made);
      watch_deadline(*made);
      start_invocation(*made, method.undo, method.instance.load(std::memory_order_acquire), copy, 1);
    });
  } catch (const std::exception &) {
    if (counted) leave_live();
    free_result(unsent);
    log(CACHECORE_LOG_ERROR, method.name + ": what nobody received could not be given back: out of memory");
  }
}

void engine::watch_deadline(invocation &watched) {
  if (watched.deadline == no_deadline) return;
  watched.expire = [](timer_entry *entry) {
    auto &late = *static_cast<invocation *>(entry);
    engine &eng = *late.eng;
    eng.give_up_on_loop(late, CACHECORE_TIMEOUT);
  };
  loop_.add_timer(watched, watched.deadline);
}

// What continues runs first, so that a method may still answer by itself (a stale value instead of an error).
void engine::give_up_on_loop(invocation &given_up, cachecore_status reason) noexcept {
  giving_up_ = &given_up;
  give_up_invocation(given_up, reason);
  loop_.drain_local();
  if (giving_up_ != nullptr) leave_caller(given_up);
  giving_up_ = nullptr;
}

void engine::spawn(const char *name, cachecore_method_function start, void *state) {
  if (ending() != CACHECORE_OK) throw failure(CACHECORE_CLOSED, "the core is being closed or reset");
  loop_.start();
  invocation *made = make_invocation(nullptr, name);
  made->exec.store(&loop_, std::memory_order_relaxed);
  made->counted_live = true;
  enter_live();
  loop_.post_function([this, made, start, state] {
    loop_.adopt(*made);
    if (ending() != CACHECORE_OK) made->given_up = ending();
    start_invocation(*made, start, state, nullptr, 0);
  });
}

void engine::spawn_when_started(const char *name, cachecore_method_function start, void *state) {
  loop_.when_started([this, name, start, state] {
    if (ending() != CACHECORE_OK) return;
    try {
      invocation *made = make_invocation(nullptr, name);
      made->exec.store(&loop_, std::memory_order_relaxed);
      made->counted_live = true;
      enter_live();
      loop_.adopt(*made);
      start_invocation(*made, start, state, nullptr, 0);
    } catch (const std::exception &) {
      log(CACHECORE_LOG_ERROR, std::string(name) + ": could not be started: out of memory");
    }
  });
}

void engine::release_tree(invocation &adopted) noexcept {
  for (wait *each = adopted.pending; each != nullptr; each = each->next) {
    if (each->child != nullptr) release_tree(*each->child);
  }
  release_requests(adopted);
}

void engine::adopt_invocation(post_node *posted) noexcept {
  invocation *adopted = static_cast<adoption *>(posted)->adopted;
  engine &eng = *adopted->eng;
  adopted->awaits_adoption = false;
  eng.loop_.adopt(*adopted);
  eng.watch_deadline(*adopted);
  eng.release_tree(*adopted);
  if (adopted->given_up == CACHECORE_OK && eng.ending() != CACHECORE_OK) {
    eng.give_up_on_loop(*adopted, eng.ending());
  }
}

void engine::hand_to_loop(invocation &moved, waiter &from) {
  loop_.start();
  post_list left;
  moved.awaits_adoption = true;
  from.hand_over([&] { move_invocation(moved, loop_); }, left);
  moved.adopt_node.run = adopt_invocation;
  moved.adopt_node.adopted = &moved;
  loop_.post(&moved.adopt_node);
  while (post_node *node = left.pop()) loop_.post(node);
}

void engine::cancel(uint64_t operation) {
  loop_.post_function([this, operation] {
    invocation *found = loop_.find(operation);
    if (found != nullptr && found->given_up == CACHECORE_OK) give_up_on_loop(*found, CACHECORE_CANCELLED);
  });
}

void engine::cancel_queue(cachecore_completions &queue) {
  ref_queue(&queue);
  loop_.post_function([this, &queue] {
    loop_.each_invocation([this, &queue](invocation &each) {
      if (each.queue == &queue && each.given_up == CACHECORE_OK) give_up_on_loop(each, CACHECORE_CANCELLED);
    });
    unref_queue(&queue);
  });
}

// ---- The end ----

void engine::begin_end(cachecore_status reason) noexcept {
  ending_.store(reason, std::memory_order_seq_cst);
  struct interruption {
    engine *eng;
    cachecore_status reason;
  } interruption{this, reason};
  waiter::each(
      [](waiter &each, void *state) {
        const auto *what = static_cast<struct interruption *>(state);
        each.interrupt(what->eng, what->reason);
      },
      &interruption);
  if (loop_.started()) {
    loop_.post_function([this, reason] {
      loop_.each_invocation([this, reason](invocation &each) {
        if (each.given_up == CACHECORE_OK) give_up_on_loop(each, reason);
      });
      pushes_->shut();
      tracked_->shut();
      router_->end_watch();
    });
  }
  router_->shut(reason);
}

void engine::finish_end() noexcept {
  router_->cancel_dials();
  // The loop tells nobody when an invocation has ended or a connection is torn down: this is rare enough to look for.
  while (live_.sum() != 0 || (loop_.started() && !router_->is_torn_down())) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  loop_.stop();
}

void engine::abandon() noexcept {
  loop_.abandon();
  router_->abandon();
}

const std::string &engine::script_digest(const cachecore_script &script) {
  const std::lock_guard<std::mutex> lock(scripts_mutex_);
  std::string &digest = scripts_[&script];
  if (digest.empty()) {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(script.source, script.source_size, raw, &size, EVP_sha1(), nullptr) != 1) {
      throw failure(CACHECORE_INTERNAL, "SHA-1 is not available");
    }
    static const char hex[] = "0123456789abcdef";
    for (unsigned int i = 0; i < size; i++) {
      digest += hex[raw[i] >> 4];
      digest += hex[raw[i] & 15];
    }
  }
  return digest;
}

}  // namespace cachecore_internal
