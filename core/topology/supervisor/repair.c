#include "repair.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int find_repair_program(const char *server, char *out, size_t size) {
  static const char ending[] = "server";
  size_t length = strlen(server);
  size_t stem = length - (sizeof(ending) - 1);
  if (length < sizeof(ending) || strcmp(server + stem, ending) != 0) return -1;
  int written = snprintf(out, size, "%.*scheck-aof", (int)stem, server);
  return written > 0 && (size_t)written < size && access(out, X_OK) == 0 ? 0 : -1;
}

/* Since Redis 7 a manifest names the parts of the log, of which the last is repaired; before, it was one file. */
static const char *log_name(void) {
  static const char *const names[] = {"appendonlydir/appendonly.aof.manifest", "appendonly.aof"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (access(names[i], F_OK) == 0) return names[i];
  }
  return NULL;
}

/* It asks before it cuts off anything. */
static void become_repair(const char *program, const char *name, pid_t starter) {
  static const char yes[] = "y\n";
  const char *words[] = {program, "--fix", name, NULL};
  int answer[2];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != starter) _exit(0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (pipe2(answer, O_CLOEXEC) != 0 || write(answer[1], yes, sizeof(yes) - 1) < 0) _exit(126);
  if (dup2(answer[0], STDIN_FILENO) < 0) _exit(126);
  execv(program, (char *const *)(uintptr_t)words);
  _exit(127);
}

void repair_log(const char *program) {
  const char *name = log_name();
  if (name == NULL) return;
  pid_t starter = getpid();
  pid_t pid = fork();
  if (pid == 0) become_repair(program, name, starter);
  if (pid < 0) return;
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
}
