// acquire.cpp: from a request to a hold.

#include <algorithm>

#include "lock.h"
#include "scripts.h"

namespace lock_plugin {

namespace {

mode parse_mode(std::string_view text) {
  if (text == "exclusive" || text == "write") return mode::exclusive;
  if (text == "read") return mode::shared;
  if (text == "semaphore") return mode::semaphore;
  throw error(CACHECORE_INVALID_ARGUMENT,
              "mode must be exclusive, write, read or semaphore, got " + std::string(text.substr(0, 40)));
}

// Leaves the line when a block is left, however.
class place {
 public:
  place(lines &home, waiter_ref who) : home_(home), who_(std::move(who)) {
    const std::lock_guard lock(home_.mutex());
    home_.add(who_);
  }
  place(const place &) = delete;
  place &operator=(const place &) = delete;
  ~place() {
    const std::lock_guard lock(home_.mutex());
    home_.remove(who_);
  }

 private:
  lines &home_;
  waiter_ref who_;
};

}  // namespace

error locks::busy(const request &wanted) {
  return {CACHECORE_BUSY,
          "the lock " + std::string(wanted.name.substr(0, 200)) +
              (wanted.wait_ms == 0 ? " is held: give wait_ms to wait for it"
                                   : " was held for all of wait_ms = " + std::to_string(wanted.wait_ms))};
}

request locks::check(std::string_view name, int64_t lease_ms, int64_t wait_ms, std::string_view mode_text,
                     std::optional<int64_t> permits, std::optional<std::string_view> owner, bool renew,
                     std::optional<int64_t> max_hold_ms, map_view sync) const {
  request wanted;
  wanted.name = name;
  wanted.owner = owner.value_or(std::string_view());
  wanted.how = parse_mode(mode_text);
  if (wanted.how == mode::semaphore && !permits) {
    throw error(CACHECORE_INVALID_ARGUMENT, "permits must be given with mode semaphore: how many may hold it at once");
  }
  if (wanted.how != mode::semaphore && permits) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "permits is for mode semaphore alone, got it with mode " + std::string(mode_text));
  }
  wanted.permits = permits.value_or(0);
  wanted.renewed = renew;
  wanted.max_hold_ms = max_hold_ms.value_or(never);
  wanted.lease_ms = std::min(lease_ms, wanted.max_hold_ms);
  wanted.wait_ms = wait_ms;
  const int64_t now = host_.now_ms();
  wanted.until = wait_ms < 0 || wait_ms > never - now ? never : now + wait_ms;
  if (sync.size() > 0) {
    wanted.replicas = sync["replicas"].as_int();
    wanted.sync_ms = sync["timeout_ms"].as_int();
  }
  return wanted;
}

value locks::handle_text(call &call, const hold &held) const {
  const char how = static_cast<char>(held.how);
  return call.copy(std::string(1, how).append(held.id.view()).append(held.name));
}

task<value> locks::acquire(call &call, std::string_view name, int64_t lease_ms, int64_t wait_ms, std::string_view mode,
                           std::optional<int64_t> permits, std::optional<std::string_view> owner, bool renew,
                           std::optional<int64_t> max_hold_ms, map_view sync) {
  const request wanted = check(name, lease_ms, wait_ms, mode, permits, owner, renew, max_hold_ms, sync);
  const hold_ref held = co_await take(call, wanted);
  co_return call.map({{"lock", handle_text(call, *held)}, {"fence", held->fence}});
}

// One after the other in the order of their names, so that two callers never wait for each other.
task<value> locks::acquire_many(call &call, list_view names, int64_t lease_ms, int64_t wait_ms, std::string_view mode,
                                std::optional<int64_t> permits, std::optional<std::string_view> owner, bool renew,
                                std::optional<int64_t> max_hold_ms, map_view sync) {
  std::vector<size_t> order;
  for (size_t i = 0; i < names.size(); i++) {
    if (!names[i].is(CACHECORE_BYTES) || names[i].text().empty() || names[i].text().size() > 65'536 ||
        names[i].text().find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) {
      throw error(CACHECORE_INVALID_ARGUMENT,
                  "names must hold texts of 1 to 65536 bytes without NUL, CR and LF; number " + std::to_string(i + 1) +
                      " is none");
    }
    order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return names[a].text() < names[b].text(); });
  for (size_t i = 1; i < order.size(); i++) {
    if (names[order[i]].text() == names[order[i - 1]].text()) {
      throw error(CACHECORE_INVALID_ARGUMENT, "names must differ from each other, got " +
                                                  std::string(names[order[i]].text().substr(0, 200)) + " twice");
    }
  }
  request wanted = check({}, lease_ms, wait_ms, mode, permits, owner, renew, max_hold_ms, sync);
  std::vector<hold_ref> held(names.size());
  std::exception_ptr failed;
  try {
    for (const size_t i : order) {
      wanted.name = names[i].text();
      held[i] = co_await take(call, wanted);
    }
    // What was taken first may have been lost while the others were waited for.
    const std::lock_guard lock(holds_.mutex());
    for (const hold_ref &each : held) {
      if (each->ended || host_.now_ms() >= each->ends_at) {
        throw error(CACHECORE_CONFLICT,
                    "the lock " + each->name.substr(0, 200) + " was lost while others were waited for");
      }
    }
  } catch (...) {
    failed = std::current_exception();
  }
  if (failed) {
    for (const hold_ref &each : held) {
      if (each == nullptr) continue;
      const std::lock_guard lock(holds_.mutex());
      holds_.end(each, {"released", ""});
      withdraw_later(each->id, each->name, each->ends_at);
    }
    std::rethrow_exception(failed);
  }
  const std::span<value> out = call.array(held.size());
  for (size_t i = 0; i < held.size(); i++) {
    out[i] = call.map({{"name", names[i]}, {"lock", handle_text(call, *held[i])}, {"fence", held[i]->fence}});
  }
  co_return value(std::span<const value>(out));
}

task<hold_ref> locks::take(call &call, request wanted) {
  if (!admitted_.load(std::memory_order_relaxed)) co_await admit(call);
  if (!migrate_from_.empty()) co_await wait_for_plain(call, wanted);
  hold_ref held;
  if (wanted.how == mode::exclusive && simple_works_.load(std::memory_order_relaxed)) {
    bool others_wait = false;
    {
      const std::lock_guard lock(lines_.mutex());
      others_wait = lines_.count() > 0 && lines_.waits(wanted.name);
    }
    if (!others_wait) held = co_await take_simple(call, wanted);
  }
  if (held == nullptr) held = co_await take_in_turn(call, wanted);
  if (wanted.replicas > 0) {
    unsettled taken(*this, held->id, wanted.name, host_.now_ms() + wanted.lease_ms);
    try {
      co_await confirm(call, wanted);
    } catch (...) {
      const std::lock_guard lock(holds_.mutex());
      holds_.end(held, {"released", ""});
      throw;
    }
    taken.settle();
  }
  co_return held;
}

// Until it is granted, or there is no time left. Each try is a grant of its own, with a token of its own: one that the
// server forgot, or whose lease was over before it was heard of, begins anew.
task<hold_ref> locks::take_in_turn(call &call, request wanted) {
  do {
    const auto waiting = std::make_shared<waiter>();
    waiting->id = new_token();
    waiting->name = wanted.name;
    waiting->until = wanted.until;
    hold_ref held = co_await take_turn(call, wanted, waiting);
    if (held != nullptr) co_return held;
  } while (host_.now_ms() < wanted.until);
  throw busy(wanted);
}

// Null: try again.
task<hold_ref> locks::take_turn(call &call, request wanted, waiter_ref waiting) {
  const lock_keys keys = keys_of(call, wanted.name);
  const int64_t sent_at = host_.now_ms();
  const int64_t alive = wanted.wait_ms == 0 ? 0 : waiting->alive_for(sent_at);
  const place in_line(lines_, waiting);
  unsettled sent(*this, waiting->id, wanted.name, sent_at + alive_ms + wanted.lease_ms);

  std::string known;
  if (!wanted.owner.empty()) {
    const std::lock_guard lock(holds_.mutex());
    if (const hold_ref first = holds_.find_owned(wanted.name, wanted.owner)) known = write_fence(first->fence);
  }
  int64_t outcome = 0;
  int64_t next_end = 0;
  int64_t server_now = 0;
  std::optional<fence_id> fence;
  try {
    const char how = static_cast<char>(wanted.how);
    const reply answer = co_await call.script(
        scripts::acquire(), cachecore::plugin::keys(keys.state, keys.holders, keys.waiters, keys.fence), channels_,
        waiting->id.view(), std::string_view(&how, 1), wanted.permits, wanted.lease_ms, alive, wanted.owner, known);
    const list_view parts = answer.items();
    outcome = parts[0].as_int();
    if (outcome == 1) fence = parse_fence(parts[1].as_text());
    if (outcome == 0) {
      next_end = parts[1].as_int();
      server_now = parts[2].as_int();
    }
    call.forget(answer);
  } catch (const error &why) {
    sent.failed(why);
    throw;
  }
  if (outcome < 0) {
    sent.settle();
    throw busy(wanted);
  }
  if (outcome == 1) {
    if (!fence) throw error(CACHECORE_CORRUPT, "the lock's key holds something else");
    hold_ref held = begin_hold(wanted, waiting->id, fence->number(), sent_at, true);
    if (held != nullptr) sent.settle();
    co_return held;
  }

  start_listening();
  bool start = false;
  {
    const std::lock_guard lock(lines_.mutex());
    start = lines_.entered(*waiting, sent_at, server_now, next_end, host_.now_ms());
  }
  if (start) start_line_watch();
  turn given;
  {
    std::unique_lock lock(lines_.mutex());
    if (waiting->woken) {
      given = *waiting->woken;
    } else {
      given = (co_await waiting->lot.wait(call, lock)).grant;
    }
  }
  if (given.what == turn::kind::over) {
    (void)co_await drop(call, waiting->id, wanted.name, true);
    sent.settle();
    throw busy(wanted);
  }
  if (given.what == turn::kind::again) co_return nullptr;
  hold_ref held = co_await accept(call, wanted, waiting, given);
  if (held != nullptr) sent.settle();
  co_return held;
}

// A grant that was heard of. Null: its lease is over.
task<hold_ref> locks::accept(call &call, request wanted, waiter_ref waiting, turn given) {
  int64_t began_at = 0;
  {
    const std::lock_guard lock(lines_.mutex());
    began_at = given.ends_at + waiting->clock - wanted.lease_ms;
  }
  const int64_t now = host_.now_ms();
  // Heard of late: whether it is still held is the server's to say.
  if (began_at + wanted.lease_ms / 2 <= now) {
    const lock_keys keys = keys_of(call, wanted.name);
    const bool held = co_await renew_one(call, keys, waiting->id, wanted.lease_ms);
    if (!held) co_return nullptr;
    began_at = now;
  }
  co_return begin_hold(wanted, waiting->id, given.fence, began_at, true);
}

// Null: its lease was over before it was known.
hold_ref locks::begin_hold(const request &wanted, const token &id, int64_t fence, int64_t sent_at, bool full) {
  auto held = std::make_shared<hold>();
  held->id = id;
  held->name = wanted.name;
  held->owner = wanted.owner;
  held->how = wanted.how;
  held->fence = fence;
  held->renewed = wanted.renewed;
  held->full = full;
  if (wanted.max_hold_ms < never - sent_at) held->renew_until = sent_at + wanted.max_hold_ms;
  bool start = false;
  {
    const std::lock_guard lock(holds_.mutex());
    holds_.go_on(*held, sent_at, wanted.lease_ms);
    if (held->lost_at() <= host_.now_ms()) return nullptr;
    holds_.add(held);
    start = holds_.next.note(held->due_at());
  }
  if (start) start_hold_watch();
  return held;
}

}  // namespace lock_plugin
