// claimers.cpp: the background coroutines: who waits for wakes, who keeps time, who renews leases.

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

// How long a block lasts at most: then everybody who waits looks once, in case a wake was lost with a process that
// died.
constexpr int64_t block_ms = 5000;
constexpr int64_t pause_after_failure_ms = 250;
// A background coroutine starts anew after so many rounds, since its memory is given back at its end.
constexpr int rounds_of_one = 100;

}  // namespace

task<woken_for> queues::wait_for_job(call &call, waiting_claim &claim, int64_t look_in_ms, line *of) {
  const int64_t now = host_.now_ms();
  bool watch_wanted = false;
  std::vector<line *> unwatched;
  std::string interrupt;
  std::unique_lock lock(claimers_.mutex);
  if (look_in_ms >= 0) of->look_at = std::min(of->look_at, now + look_in_ms);
  if (!claimers_.alone) {
    // A block under way may not know these queues.
    for (const line *each : claim.queues) {
      if (each->waiting.empty()) interrupt = claimers_.control_key;
    }
    watch_wanted = !claimers_.watching;
    claimers_.watching = true;
  } else {
    for (line *each : claim.queues) {
      if (!each->watched) unwatched.push_back(each);
    }
  }
  claimers_.stand_in_line(claim);
  int64_t alarm = std::min(claim.deadline, of->look_at);
  const bool earlier = alarm < claimers_.alarm;
  if (earlier) claimers_.alarm = alarm;
  try {
    if (watch_wanted) host_.spawn<&queues::watch>("queue.watch");
    for (size_t i = 0; i < unwatched.size(); i++) host_.spawn<&queues::watch_line>("queue.watch");
    if (earlier) host_.spawn<&queues::keep_time>("queue.time");
  } catch (const error &) {
    claimers::leave(claim);
    if (watch_wanted) claimers_.watching = false;
    if (earlier) claimers_.alarm = never;
    throw;
  }
  struct out_of_line {
    claimers &all;
    waiting_claim &claim;
    ~out_of_line() {
      const std::lock_guard guard(all.mutex);
      claimers::leave(claim);
      claim.early.reset();
    }
  } at_end{claimers_, claim};
  if (!interrupt.empty()) {
    lock.unlock();
    auto both = call.pipeline();
    both.add("ZADD", std::string_view(interrupt), 0, "1").add("PEXPIRE", std::string_view(interrupt), 60000);
    (void)co_await both;
    lock.lock();
  }
  if (claim.early) {
    const woken_for why = *claim.early;
    lock.unlock();
    co_return why;
  }
  co_return (co_await claim.place.wait(call, lock)).grant;
}

// Another claim of this process, else one elsewhere.
void queues::pass_on(line &from) {
  {
    const std::lock_guard lock(claimers_.mutex);
    if (claimers::wake_one(from)) return;
  }
  give_back_later(from, "", 0, 0);
}

task<void> queues::block(call &call, std::vector<line *> lines, std::string control) {
  const int64_t longest = std::clamp<int64_t>(static_cast<int64_t>(lines.size()) * 1000, block_ms, 15000);
  std::vector<std::string_view> keys;
  lease connection = co_await call.lease(value(call.key("{q:", lines.front()->name, "}:wake")));
  words command = call.words("BZPOPMIN");
  for (const line *each : lines) {
    keys.push_back(call.key("{q:", each->name, "}:wake"));
    command.add(keys.back());
  }
  if (!control.empty()) command.add(std::string_view(control));
  command.add(static_cast<double>(longest) / 1000);
  auto commands = connection.commands();
  commands.add(command);
  const reply replies = co_await commands;
  const value popped = replies.items()[0].or_throw();
  connection.release();
  if (popped.is_nil()) {
    const std::lock_guard lock(claimers_.mutex);
    for (line *each : lines) (void)claimers::wake_one(*each);
    co_return;
  }
  const std::string_view name = popped.items()[0].as_text();
  for (size_t i = 0; i < keys.size(); i++) {
    if (keys[i] != name) continue;
    bool woken = false;
    {
      const std::lock_guard lock(claimers_.mutex);
      woken = claimers::wake_one(*lines[i]);
    }
    // Nobody waits here any more: the wake is for another process.
    if (!woken) (void)co_await call.redis("ZADD", name, 0, "1");
  }
  call.forget(replies);
}

// With the mutex held, as the next: whoever waits while nothing can be started is ended by the core's close.
void queues::start_watch() {
  try {
    host_.spawn<&queues::watch>("queue.watch");
    claimers_.watching = true;
  } catch (const error &) {
    claimers_.watching = false;
  }
}

void queues::start_watch_line() {
  try {
    host_.spawn<&queues::watch_line>("queue.watch");
  } catch (const error &) {
    return;
  }
}

task<void> queues::watch(call &call) {
  const std::string control(call.key("{q:", new_name(call, '-'), "}:control"));
  for (int round = 0;; round++) {
    std::vector<line *> lines;
    {
      const std::lock_guard lock(claimers_.mutex);
      const std::shared_lock all(lines_mutex_);
      for (const auto &[name, each] : lines_) {
        if (!each->waiting.empty() && !each->watched) lines.push_back(each.get());
      }
      claimers_.control_key = lines.empty() ? "" : control;
      if (lines.empty() || claimers_.alone || round == rounds_of_one) {
        claimers_.watching = false;
        claimers_.control_key.clear();
        if (!lines.empty() && !claimers_.alone) start_watch();
        co_return;
      }
    }
    bool failed = false;
    try {
      co_await block(call, lines, control);
    } catch (const error &reason) {
      failed = true;
      if (reason.server_code() == "CROSSSLOT" || reason.status() == CACHECORE_INVALID_ARGUMENT) {
        // A cluster: each queue is watched by itself from now on.
        const std::lock_guard lock(claimers_.mutex);
        claimers_.alone = true;
        claimers_.watching = false;
        claimers_.control_key.clear();
        for (size_t i = 0; i < lines.size(); i++) start_watch_line();
        co_return;
      }
    }
    if (call.given_up() != CACHECORE_OK) break;
    if (failed) {
      try {
        co_await call.sleep(pause_after_failure_ms);
      } catch (const error &) {
        break;
      }
      const std::lock_guard lock(claimers_.mutex);
      for (line *each : lines) (void)claimers::wake_one(*each);
    }
  }
  const std::lock_guard lock(claimers_.mutex);
  claimers_.watching = false;
  claimers_.control_key.clear();
}

task<void> queues::watch_line(call &call) {
  line *mine = nullptr;
  for (int round = 0;; round++) {
    {
      const std::lock_guard lock(claimers_.mutex);
      if (mine == nullptr) {
        const std::shared_lock all(lines_mutex_);
        for (const auto &[name, each] : lines_) {
          if (each->waiting.empty() || each->watched) continue;
          mine = each.get();
          break;
        }
        if (mine == nullptr) co_return;
        mine->watched = true;
      }
      if (mine->waiting.empty() || round == rounds_of_one) {
        mine->watched = false;
        if (!mine->waiting.empty()) start_watch_line();
        co_return;
      }
    }
    bool failed = false;
    try {
      std::vector<line *> only(1, mine);
      co_await block(call, std::move(only), std::string());
    } catch (const error &) {
      failed = true;
    }
    if (call.given_up() != CACHECORE_OK) break;
    if (failed) {
      try {
        co_await call.sleep(pause_after_failure_ms);
      } catch (const error &) {
        break;
      }
      const std::lock_guard lock(claimers_.mutex);
      (void)claimers::wake_one(*mine);
    }
  }
  const std::lock_guard lock(claimers_.mutex);
  mine->watched = false;
}

task<void> queues::keep_time(call &call) {
  int64_t due = never;
  {
    const std::lock_guard lock(claimers_.mutex);
    due = claimers_.alarm;
  }
  while (due != never) {
    try {
      co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
    } catch (const error &) {
      co_return;
    }
    const std::lock_guard lock(claimers_.mutex);
    if (claimers_.alarm != due) co_return;  // another sleeper wakes earlier
    const int64_t now = host_.now_ms();
    due = never;
    const std::shared_lock all(lines_mutex_);
    for (const auto &[name, each] : lines_) {
      for (size_t at = 0; at < each->waiting.size();) {
        waiting_claim &claim = *each->waiting[at];
        if (claim.deadline <= now) {
          claimers::wake(claim, {nullptr, true});
        } else {
          due = std::min(due, claim.deadline);
          at++;
        }
      }
      if (each->look_at <= now) {
        each->look_at = never;
        (void)claimers::wake_one(*each);
      }
      due = std::min(due, each->look_at);
    }
    claimers_.alarm = due;
  }
}

void queues::hold(line &from, std::string member, int64_t lease_ms) {
  if (!held_.add(from.name, std::move(member), lease_ms, host_.now_ms())) return;
  try {
    host_.spawn<&queues::renew_leases>("queue.leases");
  } catch (const error &) {
    held_.forget_sleeper();
  }
}

task<void> queues::renew_leases(call &call) {
  int64_t due = held_.due();
  for (int round = 0; due != held::never; round++) {
    if (round == rounds_of_one) {
      try {
        host_.spawn<&queues::renew_leases>("queue.leases");
      } catch (const error &) {
        held_.forget_sleeper();
      }
      co_return;
    }
    try {
      co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
    } catch (const error &) {
      co_return;
    }
    const auto renewals = held_.take_due(due, host_.now_ms());
    if (!renewals) co_return;  // another sleeper wakes earlier
    for (const renewal &each : *renewals) {
      try {
        const value key = base_of(call, each.queue);
        auto arguments = call.words(each.lease_ms);
        for (const std::string &member : each.members) arguments.add(std::string_view(member));
        const reply outcome = co_await call.script_words(scripts::renew(), {&key, 1}, arguments.all()).idempotent();
        const list_view kept = outcome.items();
        for (size_t i = 0; i < kept.size() && i < each.members.size(); i++) {
          if (kept[i].as_int() != 1) held_.remove(each.queue, each.members[i]);
        }
        call.forget(outcome);
      } catch (const error &) {
        // Tried again after another third of the lease.
        if (call.given_up() != CACHECORE_OK) co_return;
      }
    }
    due = held_.due();
  }
}

}  // namespace queue_plugin
