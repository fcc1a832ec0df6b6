// alarm.h: when a background invocation has to wake up.
//
// Times that are almost never reached (leases that will be released, waits that will be over) are only written down,
// and one sleeper looks at them when the earliest is due: it sleeps until due(), finds under the mutex that due() is
// still what it slept for (else another sleeper has taken over), does what is due, and sets the next time.
//
// Thread rule: guarded by the mutex of the data that the times belong to.
#pragma once

#include <cstdint>
#include <limits>

namespace lock_plugin {

inline constexpr int64_t never = std::numeric_limits<int64_t>::max();

class alarm {
 public:
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

}  // namespace lock_plugin
