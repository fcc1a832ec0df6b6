// patience.h: requests to Redis that are not waited for until the caller's deadline.
//
// A lookup has to answer also when Redis is silent (stopped, or behind a connection that swallows everything), and in
// time to still let one caller load while the others wait. So its requests are given up after redis_timeout_ms, or half
// of the caller's time if that is less.
//
//     const value reply = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
//       call.services().redis->command(call.raw(), words, count, flags, then, state);
//     });                                                       throws UNAVAILABLE when it has waited long enough
//
// How: beside the request the invocation is parked. Whatever comes first continues it; the other is ignored when it
// comes. What both need lies in the invocation's memory, since the coroutine may have ended by then. One alarm for all
// requests (alarm.h) wakes those that are overdue.
//
// Thread rule: any thread.
#pragma once

#include <cachecore/plugin.hpp>

#include <algorithm>
#include <functional>
#include <mutex>

#include "alarm.h"

namespace cache_plugin {

using namespace cachecore::plugin;

class patience {
 public:
  // `start_watch` starts the background invocation that calls wake_overdue.
  patience(int64_t longest_ms, std::function<void()> start_watch)
      : longest_ms_(longest_ms), start_watch_(std::move(start_watch)) {}

  template <class Begin>
  class [[nodiscard]] patient_request;

  template <class Begin>
  [[nodiscard]] patient_request<Begin> wait(call &call, Begin begin) {
    return {call, *this, std::move(begin)};
  }

  // The next time something is overdue, for the background invocation; guarded by `mutex`.
  [[nodiscard]] std::mutex &mutex() noexcept { return mutex_; }
  alarm overdue;
  // [held] Wakes what is overdue, and says when the next one is.
  [[nodiscard]] int64_t wake_overdue(int64_t now_ms) noexcept;

 private:
  // One request and its end; in the invocation's memory.
  struct race {
    call *owner;
    patience *home;
    std::coroutine_handle<> waiter;
    cachecore_parked *parked = nullptr;
    int64_t due = 0;
    race *previous = nullptr;
    race *next = nullptr;
    bool in_line = false;
    bool beginning = true;
    bool over = false;
    bool impatient = false;
    cachecore_status status = CACHECORE_OK;
    const cachecore_value *answer = nullptr;
    const cachecore_error *failed = nullptr;

    static void answered(void *state, cachecore_status status, const cachecore_value *answer,
                         const cachecore_error *failed) noexcept;
    static void woken(void *state, cachecore_status status, const cachecore_value *nothing,
                      const cachecore_error *failed) noexcept;
    void finish(cachecore_status with, const cachecore_value *its_answer, const cachecore_error *its_error) noexcept;
  };

  void join_line(race &waits) noexcept;
  bool leave_line(race &waits) noexcept;  // whether it stood there
  void remove(race &waits) noexcept;

  const int64_t longest_ms_;
  const std::function<void()> start_watch_;
  std::mutex mutex_;
  race *first_ = nullptr;
};

template <class Begin>
class patience::patient_request {
 public:
  patient_request(call &owner, patience &home, Begin begin)
      : race_(new(owner.allocate(sizeof(race))) race{.owner = &owner, .home = &home, .waiter = {}}),
        begin_(std::move(begin)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter) {
    race_->waiter = waiter;
    race_->home->join_line(*race_);
    begin_(&race::answered, race_);
    race_->beginning = false;
    return !race_->over;
  }
  [[nodiscard]] reply await_resume() const {
    if (race_->status != CACHECORE_OK && race_->failed != nullptr) throw error(*race_->failed);
    if (race_->status != CACHECORE_OK) throw error(race_->status, "the host gave no reason");
    if (race_->impatient) throw error(CACHECORE_UNAVAILABLE, "Redis has not answered in time");
    return reply(race_->answer);
  }

 private:
  race *race_;
  Begin begin_;
};

}  // namespace cache_plugin
