// give_back.cpp: release, extend, and what becomes of grants that nobody has.
//
// What was asked for a caller that has gone is withdrawn: by its token, so that it is right whether it was granted,
// waits, or never arrived. A withdrawal goes on until the server has answered, or has forgotten the request by itself.
// Where it is not known whether the request ever arrived, it may arrive after the withdrawal: so that is repeated.

#include <algorithm>

#include "lock.h"
#include "scripts.h"

namespace lock_plugin {

namespace {

constexpr size_t withdrawals_at_once = 64;
constexpr int64_t first_delay_ms = 50;
constexpr int64_t longest_delay_ms = 1'000;
// How long what was on its way when its connection was lost may take to arrive.
constexpr int64_t late_ms = 500;

error lost(std::string_view name) {
  return {CACHECORE_CONFLICT,
          "lock: " + std::string(name.substr(0, 200)) +
              " is not held by this handle any more: it was released before, or its lease was over"};
}

}  // namespace

handle locks::parsed(std::string_view lock) {
  const auto known = parse_handle(lock);
  if (!known) throw error(CACHECORE_INVALID_ARGUMENT, "lock must be what acquire gave, got something else");
  return *known;
}

hold_ref locks::find_hold(const token &id) {
  const std::lock_guard lock(holds_.mutex());
  hold_ref held = holds_.find(id);
  if (held == nullptr || held->lost_at() > host_.now_ms()) return held;
  holds_.end(held, {"lost", "it was not renewed in time"});
  return nullptr;
}

task<int64_t> locks::drop(call &call, token id, std::string_view name, bool full) {
  if (!full) {
    const uint32_t bucket = bucket_of(name);
    const int64_t gone = (co_await call.redis("HDEL", call.key("lock:{", bucket, "}:k:", name), id.view())).as_int();
    if (gone == 1) co_return 1;
  }
  const lock_keys keys = keys_of(call, name);
  const std::string_view me(process_.data(), process_size);
  const reply answer = co_await call.script(scripts::release(),
                                            cachecore::plugin::keys(keys.state, keys.holders, keys.waiters, keys.fence),
                                            channels_, id.view(), me);
  const list_view parts = answer.items();
  for (const value &granted : parts.subspan(1)) hear(granted.as_text());
  co_return parts[0].as_int();
}

task<void> locks::give_back(call &call, handle lock) {
  bool full = lock.how != mode::exclusive;
  bool certain = false;
  int64_t until = host_.now_ms() + alive_ms;
  {
    const std::lock_guard guard(holds_.mutex());
    if (const hold_ref held = holds_.find(lock.id)) {
      full = full || held->full;
      certain = host_.now_ms() < held->ends_at;
      until = held->ends_at;
      holds_.end(held, {"released", ""});
    }
  }
  unsettled sent(*this, lock.id, lock.name, until);
  int64_t was = 0;
  bool uncertain = false;
  try {
    was = co_await drop(call, lock.id, lock.name, full);
  } catch (const error &why) {
    if (why.status() != CACHECORE_UNCERTAIN || call.given_up() != CACHECORE_OK) throw;
    uncertain = true;
  }
  if (uncertain) {
    was = co_await drop(call, lock.id, lock.name, true);
    look_everywhere();
  }
  sent.settle();
  // The first of the two may have released it.
  if (was == 0 && !(uncertain && certain)) throw lost(lock.name);
}

task<void> locks::release(call &call, std::string_view lock) { co_await give_back(call, parsed(lock)); }

task<int64_t> locks::extend(call &call, std::string_view lock, std::optional<int64_t> lease_ms) {
  const handle of = parsed(lock);
  const hold_ref held = find_hold(of.id);
  int64_t lease = 0;
  if (lease_ms) {
    lease = *lease_ms;
  } else if (held != nullptr) {
    const std::lock_guard guard(holds_.mutex());
    lease = held->lease_ms;
  } else if (std::string_view(of.id.text.data(), process_size) == std::string_view(process_.data(), process_size)) {
    throw lost(of.name);
  } else {
    throw error(CACHECORE_INVALID_ARGUMENT, "lease_ms must be given: another process acquired the lock");
  }
  const lock_keys keys = keys_of(call, of.name);
  const int64_t sent_at = host_.now_ms();
  const bool goes_on = co_await renew_one(call, keys, of.id, lease);
  if (!goes_on) {
    if (held != nullptr) {
      const std::lock_guard guard(holds_.mutex());
      holds_.end(held, {"lost", "the server does not know it any more"});
    }
    throw lost(of.name);
  }
  if (held != nullptr) {
    bool ended = false;
    {
      const std::lock_guard guard(holds_.mutex());
      ended = held->ended;
      if (!ended) {
        if (held->renew_until != never) held->renew_until = std::max(held->renew_until, sent_at + lease);
        holds_.go_on(*held, sent_at, lease);
      }
    }
    // Released or told lost meanwhile: what was told stays true.
    if (ended) {
      withdraw_later(of.id, of.name, sent_at + lease);
      throw lost(of.name);
    }
    note_due(*held);
  }
  co_return std::max<int64_t>(sent_at + lease - host_.now_ms(), 0);
}

task<int64_t> locks::force_release(call &call, std::string_view name) {
  const lock_keys keys = keys_of(call, name);
  co_return (co_await call.script(scripts::force(),
                                  cachecore::plugin::keys(keys.state, keys.holders, keys.waiters, keys.fence),
                                  channels_))
      .as_int();
}

// Its caller went away with the answer on its way. What was granted may be read only until the first wait.
task<void> locks::undo_acquire(call &call, value granted) {
  const std::string_view lock = call.copy(granted.pairs()["lock"].as_text()).as_text();
  try {
    co_await give_back(call, parsed(lock));
  } catch (const error &) {
    // It was lost, or is withdrawn in the background.
  }
}

task<void> locks::undo_acquire_many(call & /*call*/, value granted) {
  for (const value &each : granted.items()) {
    const handle of = parsed(each.pairs()["lock"].as_text());
    int64_t until = host_.now_ms() + alive_ms;
    {
      const std::lock_guard lock(holds_.mutex());
      if (const hold_ref held = holds_.find(of.id)) {
        until = held->ends_at;
        holds_.end(held, {"released", ""});
      }
    }
    withdraw_later(of.id, of.name, until);
  }
  co_return;
}

void locks::unsettled::failed(const error &why) noexcept {
  switch (why.status()) {
    case CACHECORE_TIMEOUT:
    case CACHECORE_CANCELLED:
    case CACHECORE_UNAVAILABLE:
    case CACHECORE_BUSY:
      settled_ = true;
      return;
    default:
      if (settled_) return;
      settled_ = true;
      home_.withdraw_later(id_, name_, until_, true);
  }
}

void locks::withdraw_later(const token &id, std::string_view name, int64_t until, bool twice) noexcept {
  try {
    const std::lock_guard lock(withdrawals_mutex_);
    withdrawals_.push_back({id, std::string(name), until, twice ? 2 : 1});
    if (withdrawing_) return;
    withdraw_delay_ms_ = 0;
    host_.spawn<&locks::withdraw>("lock.withdraw");
    withdrawing_ = true;
  } catch (...) {
    // No memory, or the core is being closed: the lease ends it.
  }
}

task<void> locks::withdraw(call &call) {
  std::vector<withdrawal> now;
  int64_t delay = 0;
  {
    const std::lock_guard lock(withdrawals_mutex_);
    delay = withdraw_delay_ms_;
  }
  std::vector<bool> done;
  try {
    if (delay > 0) co_await call.sleep(delay);
    {
      const std::lock_guard lock(withdrawals_mutex_);
      const auto count = static_cast<std::ptrdiff_t>(std::min(withdrawals_.size(), withdrawals_at_once));
      now.assign(withdrawals_.begin(), withdrawals_.begin() + count);
      withdrawals_.erase(withdrawals_.begin(), withdrawals_.begin() + count);
    }
    std::vector<task<bool>> tasks;
    tasks.reserve(now.size());
    for (const withdrawal &each : now) tasks.push_back(withdraw_one(call, each));
    done = co_await all(std::move(tasks));
  } catch (const error &) {
    // The core is being closed.
    co_return;
  }
  const std::lock_guard lock(withdrawals_mutex_);
  bool failed = false;
  bool repeat = false;
  for (size_t i = 0; i < now.size(); i++) {
    if (!done[i]) {
      failed = true;
    } else if (--now[i].confirmations == 0) {
      continue;
    } else {
      repeat = true;
    }
    if (host_.now_ms() < now[i].until) withdrawals_.push_back(std::move(now[i]));
  }
  withdrawing_ = !withdrawals_.empty();
  if (!withdrawing_) co_return;
  withdraw_delay_ms_ = failed ? std::clamp(delay * 2, first_delay_ms, longest_delay_ms) : 0;
  if (repeat && withdrawals_.size() <= withdrawals_at_once) withdraw_delay_ms_ = std::max(withdraw_delay_ms_, late_ms);
  try {
    host_.spawn<&locks::withdraw>("lock.withdraw");
  } catch (const error &) {
    withdrawing_ = false;
  }
}

// Whether the server has answered.
task<bool> locks::withdraw_one(call &call, withdrawal gone) {
  try {
    (void)co_await drop(call, gone.id, gone.name, true);
    // The first try may have handed over to this process, in an answer that nobody heard.
    look_everywhere();
    co_return true;
  } catch (const error &) {
    co_return false;
  }
}

}  // namespace lock_plugin
