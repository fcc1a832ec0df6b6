#include "signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "failure.h"

namespace cachectl {

signal_watch::signal_watch() : previous_() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    // What whoever started us chose to ignore (nohup, a script's background job) stays ignored; blocked, it would be
    // seen.
    struct sigaction chosen{};
    if (sigaction(signal, nullptr, &chosen) == 0 && chosen.sa_handler != SIG_IGN) sigaddset(&watched, signal);
  }
  pthread_sigmask(SIG_BLOCK, &watched, &previous_);
  descriptor_ = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor_ < 0) {
    const std::string reason = std::strerror(errno);
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
    throw failure(CACHECORE_INTERNAL, "cannot watch for signals: " + reason);
  }
}

signal_watch::~signal_watch() {
  close(descriptor_);
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

int signal_watch::take() const noexcept {
  signalfd_siginfo information{};
  if (read(descriptor_, &information, sizeof information) != static_cast<ssize_t>(sizeof information)) return 0;
  return static_cast<int>(information.ssi_signo);
}

void end_by_signal(int signal) noexcept {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  raise(signal);
  _exit(128 + signal);
}

}  // namespace cachectl
