#include "core/topology/detached_process.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "core/topology/owned_descriptor.h"

#define RAW_CODE __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

namespace cachecore_internal {
namespace {

// All that the two processes between need, made before the first fork.
struct prepared {
  const char *path = nullptr;
  char *const *words = nullptr;
  char *const *environment = nullptr;
  const int *descriptors = nullptr;
  int count = 0;
  embedded_report failed{};
};

// fork without handlers, and with the signal at the child's end to choose.
RAW_CODE long raw_fork(long signal_at_end) noexcept {
#if defined(__s390x__) || defined(__CRIS__)
  return syscall(SYS_clone, 0L, signal_at_end, 0L, 0L, 0L);
#else
  return syscall(SYS_clone, signal_at_end, 0L, 0L, 0L, 0L);
#endif
}

[[noreturn]] RAW_CODE void raw_exit(long code) noexcept {
  for (;;) syscall(SYS_exit_group, code);
}

[[noreturn]] RAW_CODE void become_program(prepared *all) noexcept {
  for (int target = 0; target < all->count; target++) {
    if (syscall(SYS_dup3, all->descriptors[target], target, 0) < 0) raw_exit(1);
  }
  syscall(SYS_execve, all->path, all->words, all->environment);
  all->failed.error = errno;
  syscall(SYS_write, EMBEDDED_REPORT_DESCRIPTOR, &all->failed, sizeof(all->failed));
  raw_exit(1);
}

// The child: leads the new session, so that its own child cannot get a terminal.
[[noreturn]] RAW_CODE void fork_again(prepared *all) noexcept {
  syscall(SYS_setsid);
  const long grandchild = raw_fork(SIGCHLD);
  if (grandchild == 0) become_program(all);
  raw_exit(grandchild < 0 ? errno : 0);
}

std::vector<char *> pointers(const std::vector<std::string> &texts) {
  std::vector<char *> found;
  found.reserve(texts.size() + 1);
  for (const std::string &text : texts) found.push_back(const_cast<char *>(text.c_str()));
  found.push_back(nullptr);
  return found;
}

}  // namespace

int start_detached(const detached_program &program) {
  // Above every target, so that no dup3 overwrites a descriptor that is still to be copied.
  std::vector<owned_descriptor> copies;
  std::vector<int> sources;
  for (const int descriptor : program.descriptors) {
    copies.emplace_back(fcntl(descriptor, F_DUPFD_CLOEXEC, static_cast<int>(program.descriptors.size())));
    if (!copies.back().valid()) return errno;
    sources.push_back(copies.back().get());
  }
  const std::vector<char *> words = pointers(program.words);
  const std::vector<char *> environment = pointers(program.environment);
  prepared all{words[0], words.data(), environment.data(), sources.data(), static_cast<int>(sources.size()), {}};
  all.failed.kind = EMBEDDED_FAILED;
  snprintf(all.failed.text, sizeof(all.failed.text), "%.200s cannot be executed", words[0]);

  // No handler of the host may run in the child.
  sigset_t everything, before;
  sigfillset(&everything);
  pthread_sigmask(SIG_SETMASK, &everything, &before);
  const long child = raw_fork(0);
  if (child == 0) fork_again(&all);
  int error = child < 0 ? errno : 0;
  int status = 0;
  if (error == 0) {
    while (waitpid(static_cast<pid_t>(child), &status, static_cast<int>(__WCLONE)) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) error = WEXITSTATUS(status);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

}  // namespace cachecore_internal
