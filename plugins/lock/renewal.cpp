// renewal.cpp: the leases of all that this process holds.
//
// One sleeper wakes when the first hold is due (alarm.h), ends those whose time is over, and renews those that are due
// or will be soon: the locks of a bucket in one script, many buckets at once. So a round of a hundred thousand locks
// takes a dozen round trips.

#include <algorithm>
#include <map>

#include "lock.h"
#include "scripts.h"

namespace lock_plugin {

namespace {

// A script should not keep the server from others for longer than a millisecond.
constexpr size_t locks_of_a_batch = 256;
constexpr size_t batches_at_once = 64;
constexpr int64_t shortest_retry_ms = 20;

}  // namespace

task<bool> locks::renew_one(call &call, lock_keys keys, token id, int64_t lease_ms) {
  const reply answer =
      co_await call.script(scripts::renew(), cachecore::plugin::keys(keys.state, keys.holders), id.view(), lease_ms)
          .idempotent();
  co_return answer.items()[0].as_int() == 1;
}

task<void> locks::renew_batch(call &call, std::vector<hold_ref> batch) {
  const std::span<value> keys = call.array(2 * batch.size());
  const std::span<value> arguments = call.array(2 * batch.size());
  const int64_t sent_at = host_.now_ms();
  std::vector<int64_t> leases(batch.size());
  {
    const std::lock_guard lock(holds_.mutex());
    for (size_t i = 0; i < batch.size(); i++) {
      leases[i] = std::max<int64_t>(std::min(batch[i]->lease_ms, batch[i]->renew_until - sent_at), 1);
    }
  }
  for (size_t i = 0; i < batch.size(); i++) {
    const uint32_t bucket = bucket_of(batch[i]->name);
    keys[2 * i] = value(call.key("lock:{", bucket, "}:k:", batch[i]->name));
    keys[2 * i + 1] = value(call.key("lock:{", bucket, "}:h:", batch[i]->name));
    arguments[2 * i] = value(batch[i]->id.view());
    arguments[2 * i + 1] = value(leases[i]);
  }
  bool answered = true;
  std::vector<bool> held(batch.size());
  try {
    const reply answer = co_await call.script_words(scripts::renew(), keys, arguments).idempotent();
    for (size_t i = 0; i < batch.size(); i++) held[i] = answer.items()[i].as_int() == 1;
    call.forget(answer);
  } catch (const error &) {
    answered = false;
  }
  int64_t earliest = never;
  bool start = false;
  {
    const std::lock_guard lock(holds_.mutex());
    for (size_t i = 0; i < batch.size(); i++) {
      hold &each = *batch[i];
      if (each.ended) continue;
      if (!answered) {
        each.renew_at = host_.now_ms() + std::max(each.lease_ms / 12, shortest_retry_ms);
      } else if (held[i]) {
        // An extension may have said another lease meanwhile.
        const int64_t lease = each.lease_ms;
        holds_.go_on(each, sent_at, leases[i]);
        each.lease_ms = lease;
      } else {
        holds_.end(batch[i], {"lost", "the server does not know it any more"});
        continue;
      }
      earliest = std::min(earliest, each.due_at());
    }
    start = earliest != never && holds_.next.note(earliest);
  }
  if (start) start_hold_watch();
}

task<void> locks::watch_holds(call &call) {
  int64_t due = never;
  {
    const std::lock_guard lock(holds_.mutex());
    due = holds_.next.due();
  }
  if (due == never) co_return;
  try {
    co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
  } catch (const error &) {
    co_return;
  }
  std::vector<hold_ref> lost;
  std::vector<hold_ref> renewals;
  {
    const std::lock_guard lock(holds_.mutex());
    if (holds_.next.due() != due) co_return;
    renewals = holds_.take_due(host_.now_ms(), lost);
    due = holds_.next.due();
  }
  // This one is done with, so that its memory goes; the next one sleeps meanwhile.
  if (due != never) start_hold_watch();
  for (const hold_ref &each : lost) {
    if (each->renewed) {
      host_.log(severity::warning, "the lock " + each->name + " was lost: " + each->how_ended.reason);
    }
  }
  std::map<uint32_t, std::vector<hold_ref>> by_bucket;
  for (hold_ref &each : renewals) by_bucket[bucket_of(each->name)].push_back(std::move(each));
  std::vector<task<void>> round;
  for (auto &[bucket, due_now] : by_bucket) {
    for (size_t at = 0; at < due_now.size(); at += locks_of_a_batch) {
      const size_t end = std::min(at + locks_of_a_batch, due_now.size());
      round.push_back(renew_batch(call, {due_now.begin() + static_cast<std::ptrdiff_t>(at),
                                         due_now.begin() + static_cast<std::ptrdiff_t>(end)}));
      if (round.size() == batches_at_once) (void)co_await all(std::exchange(round, {}));
    }
  }
  if (!round.empty()) (void)co_await all(std::move(round));
}

void locks::note_due(const hold &held) {
  bool start = false;
  {
    const std::lock_guard lock(holds_.mutex());
    start = holds_.next.note(held.due_at());
  }
  if (start) start_hold_watch();
}

void locks::start_hold_watch() noexcept {
  try {
    host_.spawn<&locks::watch_holds>("lock.renewal");
  } catch (...) {
    // The core is being closed or reset, and all holds end with it; or there is no memory, and the next hold tries
    // again.
    const std::lock_guard lock(holds_.mutex());
    holds_.next.set_to(never);
  }
}

}  // namespace lock_plugin
