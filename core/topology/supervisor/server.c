#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"
#include "repair.h"

enum { early_ms = 1000, soon_ms = 60000, most_early_deaths = 6, first_pause_ms = 10, longest_pause_ms = 5000 };

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void note(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  char when[32] = "";
  time_t now = time(NULL);
  struct tm parts;
  if (localtime_r(&now, &parts) != NULL) strftime(when, sizeof(when), "%d %b %Y %H:%M:%S", &parts);
  dprintf(STDERR_FILENO, "%d:S %s # supervisor: %s\n", (int)getpid(), when, text);
}

const char *describe_end(int status, char *out, size_t size) {
  if (WIFSIGNALED(status)) {
    snprintf(out, size, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  } else {
    snprintf(out, size, "exit code %d", WEXITSTATUS(status));
  }
  return out;
}

/* DEBUG and MODULE are off by default since Redis 7, and older ones do not know their options. The socket's path is
 * relative to the directory, so it fits whatever the directory is called. */
static void become_server(const server *self, const char *repair, int failed, pid_t supervisor) {
  const char *durable = self->fsync[0] != '\0' ? "yes" : "no";
  const char *fsync = self->fsync[0] != '\0' ? self->fsync : "no";
  const char *words[] = {self->program,
                         "--port",
                         "0",
                         "--unixsocket",
                         EMBEDDED_SOCKET,
                         "--unixsocketperm",
                         "700",
                         "--daemonize",
                         "no",
                         "--supervised",
                         "no",
                         "--dir",
                         ".",
                         "--logfile",
                         "",
                         "--save",
                         "",
                         "--appendonly",
                         durable,
                         "--appendfsync",
                         fsync,
                         NULL};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int error = 0;
  if (fchdir(self->directory) != 0) error = errno;
  if (error == 0) {
    if (repair != NULL) repair_log(repair);
    execv(self->program, (char *const *)(uintptr_t)words);
    error = errno;
  }
  if (write(failed, &error, sizeof(error)) < 0) _exit(126);
  _exit(127);
}

int server_start(server *self) {
  int failed[2];
  if (pipe2(failed, O_CLOEXEC) != 0) return errno;
  char found[PATH_MAX];
  const char *repair = NULL;
  if (self->fsync[0] != '\0' && find_repair_program(self->program, found, sizeof(found)) == 0) repair = found;
  pid_t supervisor = getpid();
  pid_t pid = fork();
  int error = errno;
  if (pid == 0) become_server(self, repair, failed[1], supervisor);
  close(failed[1]);
  if (pid > 0) {
    ssize_t size = 0;
    do {
      size = read(failed[0], &error, sizeof(error));
    } while (size < 0 && errno == EINTR);
    if (size == 0) error = 0;
    if (error != 0) waitpid(pid, NULL, 0);
  }
  close(failed[0]);
  if (error != 0) return error;
  self->pid = pid;
  self->started_at = now_ms();
  self->start_at = 0;
  return 0;
}

int server_ended(server *self, int status) {
  int64_t lived = now_ms() - self->started_at;
  self->deaths = lived < soon_ms ? self->deaths + 1 : 1;
  self->early_deaths = lived < early_ms ? self->early_deaths + 1 : 0;
  int64_t pause = first_pause_ms;
  for (int i = 1; i < self->deaths && pause < longest_pause_ms; i++) pause *= 2;
  if (pause > longest_pause_ms) pause = longest_pause_ms;
  char reason[64];
  note("redis-server %d ended after %lld ms: %s", (int)self->pid, (long long)lived,
       describe_end(status, reason, sizeof(reason)));
  self->pid = 0;
  self->start_at = now_ms() + pause;
  return self->early_deaths < most_early_deaths;
}
