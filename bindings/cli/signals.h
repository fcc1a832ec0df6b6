// signals.h: Ctrl-C as something that can be waited for.
//
// While a signal_watch is alive, the signals that end a program arrive on its descriptor instead, so that a call can be
// cancelled and a terminal put back before the program ends. What was done about it must finish with end_by_signal: the
// shell then sees a program that died of that signal, and stops the script it belongs to.
//
// Thread rule: main thread only. Invariant: at most one watch is alive.
#pragma once

#include <csignal>

namespace cachectl {

class signal_watch {
 public:
  signal_watch();
  signal_watch(const signal_watch &) = delete;
  signal_watch &operator=(const signal_watch &) = delete;
  ~signal_watch();

  // Readable when a signal has come.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  // The signal that came, or 0.
  [[nodiscard]] int take() const noexcept;

 private:
  int descriptor_ = -1;
  sigset_t previous_;
};

// Ends the process by `signal`.
[[noreturn]] void end_by_signal(int signal) noexcept;

}  // namespace cachectl
