#include "holds.h"

namespace lock_plugin {

namespace {

constexpr ending in_time{"lost", "it was not renewed in time"};
constexpr ending too_long{"lost", "it was held for max_hold_ms"};
constexpr ending not_renewed{"lost", "its lease is over"};

}  // namespace

std::string holds::owned_key(std::string_view name, std::string_view owner) {
  std::string key(name);
  key += '\0';  // no name has one
  key += owner;
  return key;
}

void holds::add(const hold_ref &held) {
  by_token_.emplace(held->id, held);
  if (!held->owner.empty()) by_owner_.insert_or_assign(owned_key(held->name, held->owner), held);
}

hold_ref holds::find(const token &id) const {
  const auto found = by_token_.find(id);
  return found == by_token_.end() ? nullptr : found->second;
}

hold_ref holds::find_owned(std::string_view name, std::string_view owner) const {
  const auto found = by_owner_.find(owned_key(name, owner));
  return found == by_owner_.end() ? nullptr : found->second;
}

bool holds::end(const hold_ref &held, const ending &how) {
  if (held->ended) return false;
  held->ended = true;
  held->how_ended = how;
  by_token_.erase(held->id);
  if (!held->owner.empty()) {
    const auto owned = by_owner_.find(owned_key(held->name, held->owner));
    if (owned != by_owner_.end() && owned->second == held) by_owner_.erase(owned);
  }
  held->watchers.wake_all(how);
  return true;
}

void holds::go_on(hold &held, int64_t sent_at, int64_t lease_ms) {
  held.lease_ms = lease_ms;
  held.ends_at = std::max(held.ends_at, sent_at + lease_ms);
  held.renew_at = held.renewed && held.ends_at < held.renew_until ? sent_at + lease_ms / 3 : never;
}

bool holds::ask_for_watched(int64_t now_ms) {
  bool some = false;
  for (const auto &[id, held] : by_token_) {
    if (held->watchers.empty() || held->renew_at == never) continue;
    held->renew_at = now_ms;
    some = true;
  }
  return some && next.note(now_ms);
}

std::vector<hold_ref> holds::take_due(int64_t now_ms, std::vector<hold_ref> &lost) {
  std::vector<hold_ref> renewals;
  int64_t earliest = never;
  for (const auto &[id, held] : by_token_) {
    if (held->lost_at() <= now_ms) {
      lost.push_back(held);
      continue;
    }
    // What is due soon is renewed now, with the others: few rounds, whenever the locks were taken.
    if (held->renew_at != never && held->renew_at - held->lease_ms / 6 <= now_ms) {
      held->renew_at = never;
      renewals.push_back(held);
    }
    earliest = std::min(earliest, held->due_at());
  }
  for (const hold_ref &each : lost) {
    const bool limited = each->renewed && each->ends_at >= each->renew_until;
    end(each, limited ? too_long : each->renewed ? in_time : not_renewed);
  }
  next.set_to(earliest);
  return renewals;
}

}  // namespace lock_plugin
