// watches.cpp: the background invocations, each asleep until the next thing is due (alarm.h). They end when nothing is,
// and with the instance.

#include "cache.h"

namespace cache_plugin {

task<void> cache::watch_leases(call &call) {
  int64_t due = alarm::never;
  {
    const std::lock_guard lock(flights_.mutex());
    due = flights_.expiry.due();
  }
  while (due != alarm::never) {
    try {
      co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
    } catch (const error &) {
      co_return;
    }
    const std::lock_guard lock(flights_.mutex());
    if (flights_.expiry.due() != due) co_return;
    due = flights_.pass_on_expired(host_.now_ms());
    flights_.expiry.set_to(due);
  }
}

task<void> cache::watch_requests(call &call) {
  int64_t due = alarm::never;
  {
    const std::lock_guard lock(patience_.mutex());
    due = patience_.overdue.due();
  }
  while (due != alarm::never) {
    try {
      co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
    } catch (const error &) {
      co_return;
    }
    const std::lock_guard lock(patience_.mutex());
    if (patience_.overdue.due() != due) co_return;
    due = patience_.wake_overdue(host_.now_ms());
    patience_.overdue.set_to(due);
  }
}

task<void> cache::watch_polls(call &call) {
  int64_t due = alarm::never;
  {
    const std::lock_guard lock(flights_.mutex());
    due = flights_.polling.due();
  }
  while (due != alarm::never) {
    try {
      co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
    } catch (const error &) {
      co_return;
    }
    const std::lock_guard lock(flights_.mutex());
    if (flights_.polling.due() != due) co_return;
    due = flights_.wake_polls(host_.now_ms());
    flights_.polling.set_to(due);
  }
}

void cache::start_lease_watch() {
  const std::lock_guard lock(flights_.mutex());
  if (!flights_.expiry.note(flights_.next_expiry())) return;
  try {
    host_.spawn<&cache::watch_leases>("cache.leases");
  } catch (const error &) {
    // The core is being closed or reset, and all leases end with it.
    flights_.expiry.set_to(alarm::never);
  }
}

void cache::start_poll_watch() {
  const std::lock_guard lock(flights_.mutex());
  if (!flights_.polling.note(flights_.next_poll())) return;
  try {
    host_.spawn<&cache::watch_polls>("cache.polls");
  } catch (const error &) {
    flights_.polling.set_to(alarm::never);
  }
}

void cache::start_request_watch() {
  try {
    host_.spawn<&cache::watch_requests>("cache.requests");
  } catch (const error &) {
    const std::lock_guard lock(patience_.mutex());
    patience_.overdue.set_to(alarm::never);
  }
}

}  // namespace cache_plugin
