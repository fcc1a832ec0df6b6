// within.h: a request that is not waited for longer than it may take.
//
//     const reply pong = co_await within(call, 500, [&](cachecore_continuation then, void *state) {
//       call.services().redis->command(call.raw(), words, count, 0, then, state);
//     });                                                    throws TIMEOUT when it took longer
//
// The request and a sleep are begun together; whichever comes first continues the coroutine, and the other is ignored
// when it comes. What both refer to lies in the invocation's memory, since the coroutine may have ended by then.
#pragma once

#include <cachecore/plugin.hpp>

#include <coroutine>
#include <string>
#include <utility>

namespace monitor_plugin {

using namespace cachecore::plugin;

template <class Begin>
class [[nodiscard]] bounded_request {
 public:
  bounded_request(call &owner, int64_t ms, Begin begin) : call_(&owner), ms_(ms), begin_(std::move(begin)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }

  bool await_suspend(std::coroutine_handle<> waiter) {
    race_ = new (call_->allocate(sizeof(race))) race{.owner = call_, .waiter = waiter};
    race_->beginning = true;
    begin_(&race::answered, race_);
    call_->services().timer->sleep(call_->raw(), ms_, &race::slept, race_);
    race_->beginning = false;
    return !race_->over;
  }

  reply await_resume() const {
    if (race_->late) throw error(CACHECORE_TIMEOUT, "no answer within " + std::to_string(ms_) + " ms");
    if (race_->status != CACHECORE_OK) {
      if (race_->failed != nullptr) throw error(*race_->failed);
      throw error(race_->status, cachecore_status_text(race_->status));
    }
    return reply(race_->answer);
  }

 private:
  struct race {
    call *owner;
    std::coroutine_handle<> waiter;
    bool beginning = false;
    bool over = false;
    bool late = false;
    cachecore_status status = CACHECORE_OK;
    const cachecore_value *answer = nullptr;
    const cachecore_error *failed = nullptr;

    static void answered(void *state, cachecore_status with, const cachecore_value *its_answer,
                         const cachecore_error *its_error) noexcept {
      race &self = *static_cast<race *>(state);
      if (self.over) return;
      self.status = with;
      self.answer = its_answer;
      self.failed = its_error;
      self.finish();
    }
    // Also when the whole call is given up: then the request has ended, or ends now, with the same reason.
    static void slept(void *state, cachecore_status with, const cachecore_value *,
                      const cachecore_error *its_error) noexcept {
      race &self = *static_cast<race *>(state);
      if (self.over) return;
      self.late = with == CACHECORE_OK;
      self.status = with;
      self.failed = its_error;
      self.finish();
    }
    void finish() noexcept {
      over = true;
      if (!beginning) owner->resume(waiter);
    }
  };

  static const char *cachecore_status_text(cachecore_status status) noexcept {
    return status == CACHECORE_NOT_FOUND ? "not found" : "the host gave no reason";
  }

  call *call_;
  int64_t ms_;
  Begin begin_;
  race *race_ = nullptr;
};

template <class Begin>
bounded_request<Begin> within(call &call, int64_t ms, Begin begin) {
  return {call, ms, std::move(begin)};
}

}  // namespace monitor_plugin
