// alarm.h: one background invocation that sleeps until the earliest of many times.
//
// Timers of a single wait would cost a hop to the loop's thread each. Almost all times here are never reached: they are
// deadlines of what ends long before. So they are only written down, and one sleeper looks at them when the earliest is
// due. Its coroutine:
//
//     for (int64_t due = alarm.due(); due != alarm::never;) {
//       co_await call.sleep(due - now);
//       ... with the mutex: if (alarm.due() != due) co_return;   a sleeper for an earlier time has taken over
//       ... do what is due; due = next; alarm.set_to(due)
//     }
//
// Thread rule: guarded by the mutex of the data that the times belong to.
#pragma once

#include <cstdint>
#include <limits>

namespace cache_plugin {

class alarm {
 public:
  static constexpr int64_t never = std::numeric_limits<int64_t>::max();

  // Notes that something is due. True: a sleeper has to be started.
  [[nodiscard]] bool note(int64_t at_ms) noexcept {
    if (at_ms >= due_) return false;
    due_ = at_ms;
    return true;
  }

  [[nodiscard]] int64_t due() const noexcept { return due_; }
  void set_to(int64_t at_ms) noexcept { due_ = at_ms; }

 private:
  int64_t due_ = never;
};

}  // namespace cache_plugin
