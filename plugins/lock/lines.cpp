#include "lines.h"

#include <algorithm>

namespace lock_plugin {

namespace {

constexpr int64_t refresh_ms = alive_ms / 3;
constexpr int64_t deaf_ms = 200;
// An answer that never comes: look again then.
constexpr int64_t unanswered_ms = 2'000;
constexpr size_t waiters_of_a_look = 200;

}  // namespace

waiter_ref lines::find(const token &id) const {
  const auto found = by_token_.find(id);
  return found == by_token_.end() ? nullptr : found->second;
}

void lines::add(const waiter_ref &added) {
  by_token_.emplace(added->id, added);
  by_name_[added->name].waiters.push_back(added);
}

void lines::remove(const waiter_ref &gone) {
  if (by_token_.erase(gone->id) == 0) return;
  const auto found = by_name_.find(gone->name);
  std::deque<waiter_ref> &waiters = found->second.waiters;
  // The first, as a rule.
  waiters.erase(std::find(waiters.begin(), waiters.end(), gone));
  if (waiters.empty()) by_name_.erase(found);
}

void lines::wake(waiter &woken, const turn &with) {
  if (woken.woken) return;
  woken.woken = with;
  woken.lot.wake_one(with);
}

bool lines::entered(waiter &added, int64_t sent_at, int64_t server_now, int64_t next_end_ms, int64_t now_ms) {
  added.entered = true;
  added.clock = sent_at - server_now;
  const auto found = by_name_.find(added.name);
  if (found == by_name_.end()) return false;
  found->second.refresh_at = std::min(found->second.refresh_at, now_ms + refresh_ms);
  // A millisecond later, so that it is over.
  const bool start = look_again(added.name, now_ms + std::max<int64_t>(next_end_ms, 0) + 1);
  return next.note(std::min(added.until, found->second.refresh_at)) || start;
}

bool lines::look_at_all(int64_t now_ms) {
  for (auto &[name, waiting] : by_name_) waiting.look_at = waiting.refresh_at = now_ms;
  return !by_name_.empty() && next.note(now_ms);
}

bool lines::look_again(const std::string &name, int64_t at_ms) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return false;
  found->second.look_at = std::min(at_ms, found->second.refresh_at);
  return next.note(found->second.look_at);
}

std::vector<look> lines::take_due(int64_t now_ms) {
  std::vector<look> looks;
  int64_t earliest = never;
  for (const auto &[id, each] : by_token_) {
    if (each->until <= now_ms) {
      wake(*each, {turn::kind::over, 0, 0});
    } else {
      earliest = std::min(earliest, each->until);
    }
  }
  for (auto &[name, waiting] : by_name_) {
    const bool all = waiting.refresh_at <= now_ms;
    if (all || waiting.look_at <= now_ms) {
      look asked{name, {}};
      for (const waiter_ref &each : waiting.waiters) {
        if (!each->entered || each->woken) continue;
        asked.waiters.push_back(each);
        if (!all) break;
        if (asked.waiters.size() == waiters_of_a_look) looks.push_back(std::exchange(asked, {name, {}}));
      }
      if (!asked.waiters.empty()) looks.push_back(std::move(asked));
      if (all) waiting.refresh_at = now_ms + refresh_ms;
      waiting.look_at = now_ms + unanswered_ms;
    }
    if (deaf_) waiting.look_at = std::min(waiting.look_at, now_ms + deaf_ms);
    earliest = std::min({earliest, waiting.look_at, waiting.refresh_at});
  }
  next.set_to(earliest);
  return looks;
}

}  // namespace lock_plugin
