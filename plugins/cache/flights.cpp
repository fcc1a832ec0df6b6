#include "flights.h"

#include <cachecore/plugin/glob.hpp>

#include <algorithm>

namespace cache_plugin {

flight_ref flights::find(std::string_view name, int64_t now_ms) {
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return nullptr;
  const flight_ref there = found->second;
  if (there->now == flight::state::loading && now_ms >= there->expires_at) expire(there);
  return there->attached ? there : nullptr;
}

flight_ref flights::begin(std::string_view name, std::string_view key, region_ref home) {
  auto begun = std::make_shared<flight>(name, key, home);
  begun->number = ++last_number_;
  flight_ref &place = by_name_[begun->name];
  if (place != nullptr) place->attached = false;
  place = begun;
  return begun;
}

pass flights::join(flight &there) {
  return {there.joined++, there.tags_ended.size(), there.now == flight::state::beginning};
}

bool flights::tag_ended_before(const flight &there, const pass &waiter, tag_list tags) {
  for (size_t i = 0; i < std::min(waiter.tags_ended, there.tags_ended.size()); i++) {
    for (const std::string_view tag : tags) {
      if (tag == there.tags_ended[i]) return true;
    }
  }
  return false;
}

lease_id flights::take_off(const flight_ref &begun, std::string token, const generation &seen, uint64_t secret,
                           int64_t now_ms, int64_t load_timeout_ms) {
  const lease_id lease{++last_number_, secret};
  const int64_t expires_at = now_ms + load_timeout_ms;
  expiries_.emplace(expires_at, lease.number);
  by_lease_.emplace(lease.number, begun);
  begun->lease = lease;
  begun->expires_at = expires_at;
  begun->began_at = now_ms;
  // The load begins after those.
  begun->tags_ended.clear();
  begun->near = begun->home->near();
  if (begun->near != nullptr) begun->near_ticket = begun->near->expect(hash_bytes(begun->key));
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
  grant given;
  given.what = grant::kind::value;
  given.loaded = landed.loaded;
  landed.waiting.wake_all(given);
}

void flights::end(const flight_ref &ended, const grant &last_words) {
  drop_lease(*ended);
  detach(*ended);
  ended->waiting.wake_all(last_words);
}

bool flights::pass_on(const flight_ref &left) {
  drop_lease(*left);
  left->now = flight::state::beginning;
  grant owns;
  owns.what = grant::kind::ownership;
  if (left->waiting.wake_one(owns)) return true;
  detach(*left);
  return false;
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
    if (candidate.home != &home || !glob_matches(pattern, candidate.key)) return false;
    candidate.attached = false;
    return true;
  });
}

void flights::end_tag(const region &home, std::string_view tag) {
  const std::lock_guard lock(mutex_);
  for (const auto &[name, each] : by_name_) {
    if (each->home == &home) each->tags_ended.emplace_back(tag);
  }
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

void flights::poll(const flight_ref &waits, int64_t at_ms) {
  polls_.emplace(at_ms, poll_entry{waits, ++waits->polled});
}

int64_t flights::wake_polls(int64_t now_ms) {
  while (!polls_.empty() && polls_.begin()->first <= now_ms) {
    const poll_entry due = std::move(polls_.begin()->second);
    polls_.erase(polls_.begin());
    if (due.waits->polled != due.round) continue;
    due.waits->heard = true;
    wake_owner(*due.waits);
  }
  return next_poll();
}

void flights::hear(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return;
  found->second->heard = true;
  wake_owner(*found->second);
}

void flights::hear_all() {
  const std::lock_guard lock(mutex_);
  for (const auto &[name, each] : by_name_) {
    each->heard = true;
    wake_owner(*each);
  }
}

void flights::wake_owner(flight &waits) { waits.elsewhere.wake_one(); }

}  // namespace cache_plugin
