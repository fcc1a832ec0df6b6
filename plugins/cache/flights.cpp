#include "flights.h"

#include <cachecore/plugin/glob.hpp>

namespace cache_plugin {

flight_ref flights::find(std::string_view name, int64_t now_ms) {
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return nullptr;
  const flight_ref there = found->second;
  if (there->now == flight::state::loading && now_ms >= there->expires_at) expire(there);
  return there->attached ? there : nullptr;
}

flight_ref flights::begin(std::string_view name, std::string_view key, const region_ref &home) {
  auto begun = std::make_shared<flight>(name, key, home);
  begun->number = ++last_number_;
  flight_ref &place = by_name_[begun->name];
  if (place != nullptr) place->attached = false;
  place = begun;
  return begun;
}

lease_id flights::take_off(const flight_ref &begun, std::string token, const generation &seen, uint64_t secret,
                           int64_t expires_at) {
  const lease_id lease{++last_number_, secret};
  expiries_.emplace(expires_at, lease.number);
  by_lease_.emplace(lease.number, begun);
  begun->lease = lease;
  begun->expires_at = expires_at;
  begun->token = std::move(token);
  begun->seen = seen;
  begun->now = flight::state::loading;
  begun->home->counted.loads++;
  return lease;
}

flight_ref flights::holder(const lease_id &lease, int64_t now_ms) {
  const auto found = by_lease_.find(lease.number);
  if (found == by_lease_.end() || found->second->lease.secret != lease.secret) return nullptr;
  flight_ref held = found->second;
  if (now_ms < held->expires_at) return held;
  expire(held);
  return nullptr;
}

flight_ref flights::take_lease(const lease_id &lease, int64_t now_ms) {
  flight_ref held = holder(lease, now_ms);
  if (held != nullptr) drop_lease(*held);
  return held;
}

void flights::land(flight &landed, std::shared_ptr<const content> loaded) {
  landed.now = flight::state::storing;
  landed.loaded = std::move(loaded);
  landed.waiting.wake_all({grant::kind::value, landed.loaded, nullptr});
}

void flights::end(const flight_ref &ended, const grant &last_words) {
  drop_lease(*ended);
  detach(*ended);
  ended->waiting.wake_all(last_words);
}

void flights::pass_on(const flight_ref &left) {
  drop_lease(*left);
  left->now = flight::state::beginning;
  if (!left->waiting.wake_one({grant::kind::ownership, nullptr, nullptr})) detach(*left);
}

void flights::detach(flight &hidden) {
  if (!hidden.attached) return;
  hidden.attached = false;
  by_name_.erase(hidden.name);
}

void flights::detach(std::string_view name) {
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return;
  found->second->attached = false;
  by_name_.erase(found);
}

void flights::detach_matching(const region &home, std::string_view pattern) {
  const std::lock_guard lock(mutex_);
  std::erase_if(by_name_, [&](const auto &each) {
    flight &candidate = *each.second;
    if (candidate.home.get() != &home || !glob_matches(pattern, candidate.key)) return false;
    candidate.attached = false;
    return true;
  });
}

int64_t flights::pass_on_expired(int64_t now_ms) {
  while (!expiries_.empty() && expiries_.begin()->first <= now_ms) {
    expire(flight_ref(by_lease_.at(expiries_.begin()->second)));
  }
  return next_expiry();
}

void flights::expire(const flight_ref &late) {
  late->home->counted.failures++;
  pass_on(late);
}

void flights::drop_lease(flight &held) {
  if (held.lease.number == 0) return;
  expiries_.erase({held.expires_at, held.lease.number});
  by_lease_.erase(held.lease.number);
  held.lease = {};
}

}  // namespace cache_plugin
