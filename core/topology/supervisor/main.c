/* cachecore-supervisor: keeps the redis-server of one directory alive while somebody is attached to the directory.
 *
 * Started by the library, in a session of its own, as a child of nobody who cares. It has two locks: `supervisor` says
 * that a server is being looked after; it is inherited by redis-server, so that after a kill -9 of the supervisor (with
 * which the kernel kills the server) nobody starts a second server before the first is really gone. `attached` is
 * waited for by a thread, for flock is all the kernel has to tell that no attached process lives any more; the main
 * thread sleeps in poll and does everything else. Having `attached`, it keeps it until its end, so that whoever
 * attaches meanwhile waits and then starts afresh.
 *
 * It also ends when its lock files are removed: then new processes cannot find this server, and would start another
 * beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"
#include "protocol.h"
#include "server.h"

/* A server has a minute to write what it has to write before it is killed. Files nobody touches for days are prey of
 * programs that clean /tmp, so they are touched. */
enum { end_ms = 60000, touch_ms = 6 * 3600 * 1000, lock_ms = 10000 };

typedef struct supervisor {
  server server;
  const char *link;
  int attached; /* waited for by the thread */
  int lock;     /* the file `supervisor` */
  int signals;  /* signalfd */
  int nobody;   /* eventfd: the thread has the lock */
  int changes;  /* inotify of the directory, -1 without */
  int bound;    /* the server has made its socket */
  int ending;
  int64_t kill_at; /* while ending */
  int64_t touch_at;
} supervisor;

static void report(int32_t kind, int error, const char *text) {
  embedded_report message;
  memset(&message, 0, sizeof(message));
  message.kind = kind;
  message.error = error;
  snprintf(message.text, sizeof(message.text), "%s", text);
  if (write(EMBEDDED_REPORT_DESCRIPTOR, &message, sizeof(message)) < 0 && errno != EPIPE)
    note("no report: errno %d", errno);
}

static void give_up(int error, const char *text) __attribute__((noreturn));
static void give_up(int error, const char *text) {
  note("%s%s%s", text, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
  report(EMBEDDED_FAILED, error, text);
  _exit(1);
}

/* Whether our files are still the directory's. */
static int in_place(const supervisor *self) {
  struct stat lock, attached;
  return fstat(self->lock, &lock) == 0 && fstat(self->attached, &attached) == 0 && lock.st_nlink > 0 &&
         attached.st_nlink > 0;
}

static void leave(const supervisor *self, int code) __attribute__((noreturn));
static void leave(const supervisor *self, int code) {
  if (in_place(self)) unlinkat(EMBEDDED_DIRECTORY_DESCRIPTOR, EMBEDDED_SOCKET, 0);
  if (self->link[0] != '\0') unlink(self->link);
  _exit(code);
}

/* Ends the server, and with it the supervisor. A server whose files are gone has nothing to save, and must not remove
 * the socket of its successor. */
static void end(supervisor *self, const char *reason) {
  if (self->ending) return;
  self->ending = 1;
  note("ending: %s", reason);
  if (self->server.pid == 0) leave(self, 0);
  self->kill_at = now_ms() + end_ms;
  kill(self->server.pid, in_place(self) ? SIGTERM : SIGKILL);
  kill(self->server.pid, SIGCONT);
}

/* Reads what happened in the directory. Returns whether the server's socket went, after it had come. */
static int socket_lost(supervisor *self) {
  char events[4096];
  int lost = 0;
  ssize_t size = 0;
  while ((size = read(self->changes, events, sizeof(events))) > 0) {
    struct inotify_event event;
    for (const char *at = events; at < events + size; at += sizeof(event) + event.len) {
      memcpy(&event, at, sizeof(event));
      if (event.len == 0 || strcmp(at + sizeof(event), EMBEDDED_SOCKET) != 0) continue;
      if ((event.mask & IN_CREATE) == 0 && self->bound) lost = 1;
      self->bound = (event.mask & IN_CREATE) != 0;
    }
  }
  return lost;
}

static void start(supervisor *self) {
  /* A stale one; and what happened to it says nothing about the next. */
  unlinkat(EMBEDDED_DIRECTORY_DESCRIPTOR, EMBEDDED_SOCKET, 0);
  socket_lost(self);
  self->bound = 0;
  int error = server_start(&self->server);
  if (error == 0) return;
  if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) {
    note("redis-server could not be started: %s", strerror(error));
    self->server.start_at = now_ms() + 1000;
    return;
  }
  give_up(error, self->server.program);
}

static void reap(supervisor *self) {
  int status = 0;
  if (self->server.pid == 0 || waitpid(self->server.pid, &status, WNOHANG) <= 0) return;
  int worth_it = server_ended(&self->server, status);
  if (self->ending) leave(self, 0);
  if (worth_it) return;
  char text[160], reason[64];
  snprintf(text, sizeof(text), "redis-server ended %d times in a row right after its start, at last with %s",
           self->server.early_deaths, describe_end(status, reason, sizeof(reason)));
  note("%s", text);
  report(EMBEDDED_FAILED, 0, text);
  leave(self, 1);
}

static void hear_signals(supervisor *self) {
  struct signalfd_siginfo info;
  while (read(self->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
    if (info.ssi_signo == SIGCHLD) reap(self);
    if (info.ssi_signo == SIGTERM) end(self, "SIGTERM");
  }
}

static void hear_changes(supervisor *self) {
  int lost = socket_lost(self);
  if (!in_place(self)) {
    end(self, "its lock files were removed");
  } else if (lost && !self->ending && self->server.pid != 0) {
    note("the socket was removed: starting redis-server again");
    kill(self->server.pid, SIGTERM);
  }
}

static void touch_files(supervisor *self) {
  static const char *const names[] = {EMBEDDED_MARKER,     EMBEDDED_ATTACHED, EMBEDDED_START,
                                      EMBEDDED_SUPERVISOR, EMBEDDED_SOCKET,   EMBEDDED_LOG};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    utimensat(EMBEDDED_DIRECTORY_DESCRIPTOR, names[i], NULL, AT_SYMLINK_NOFOLLOW);
  }
  self->touch_at = now_ms() + touch_ms;
}

/* Does what is due; returns the milliseconds until the next such thing. */
static int act(supervisor *self) {
  int64_t now = now_ms();
  if (self->ending && now >= self->kill_at) {
    note("redis-server %d did not end: killing it", (int)self->server.pid);
    kill(self->server.pid, SIGKILL);
    self->kill_at = now + end_ms;
  }
  if (!self->ending && self->server.pid == 0 && now >= self->server.start_at) start(self);
  if (now >= self->touch_at) touch_files(self);
  int64_t next = self->touch_at;
  if (self->ending && self->kill_at < next) next = self->kill_at;
  if (self->server.pid == 0 && self->server.start_at < next) next = self->server.start_at;
  return next <= now ? 0 : (int)(next - now);
}

static void *wait_for_nobody(void *argument) {
  const supervisor *self = (const supervisor *)argument;
  while (flock(self->attached, LOCK_EX) != 0 && errno == EINTR) {
  }
  uint64_t one = 1;
  if (write(self->nobody, &one, sizeof(one)) < 0) _exit(1);
  return NULL;
}

static int open_file(const char *name, int flags) {
  int descriptor = openat(EMBEDDED_DIRECTORY_DESCRIPTOR, name, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) give_up(errno, name);
  return descriptor;
}

/* The server of a killed supervisor may still be dying with the lock in its hands. Where another supervisor lives,
 * nothing is wrong: the starter waits for that one's server. */
static void take_lock(supervisor *self) {
  self->lock = open_file(EMBEDDED_SUPERVISOR, O_RDWR);
  struct flock whole;
  memset(&whole, 0, sizeof(whole));
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  int64_t deadline = now_ms() + lock_ms;
  while (fcntl(self->lock, F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) give_up(errno, EMBEDDED_SUPERVISOR);
    if (now_ms() >= deadline) {
      note("another supervisor looks after this server");
      _exit(0);
    }
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
  }
  fcntl(self->lock, F_SETFD, 0);
}

static void open_log(void) {
  struct stat status;
  if (fstatat(EMBEDDED_DIRECTORY_DESCRIPTOR, EMBEDDED_LOG, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      status.st_size > 1 << 20) {
    renameat(EMBEDDED_DIRECTORY_DESCRIPTOR, EMBEDDED_LOG, EMBEDDED_DIRECTORY_DESCRIPTOR, EMBEDDED_LOG ".old");
  }
  int log = open_file(EMBEDDED_LOG, O_WRONLY | O_APPEND);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  close(log);
}

static void prepare(supervisor *self) {
  self->attached = open_file(EMBEDDED_ATTACHED, O_RDWR);
  self->nobody = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sigset_t all;
  sigfillset(&all);
  self->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  if (self->nobody < 0 || self->signals < 0) give_up(errno, "eventfd, signalfd");
  self->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  char path[32];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", EMBEDDED_DIRECTORY_DESCRIPTOR);
  if (self->changes >= 0) inotify_add_watch(self->changes, path, IN_CREATE | IN_DELETE | IN_MOVED_FROM);
  self->touch_at = now_ms() + touch_ms;
  pthread_t thread;
  int error = pthread_create(&thread, NULL, wait_for_nobody, self);
  if (error != 0) give_up(error, "pthread_create");
  pthread_detach(thread);
}

int main(int count, char **words) {
  struct stat status;
  if (count != EMBEDDED_ARGUMENTS || fstat(EMBEDDED_DIRECTORY_DESCRIPTOR, &status) != 0 || !S_ISDIR(status.st_mode)) {
    fprintf(stderr,
            "cachecore-supervisor is started by libcachecore, for embedded:// servers; by hand it is of no use.\n");
    return 2;
  }
  isolate(EMBEDDED_DIRECTORY_DESCRIPTOR);
  supervisor self;
  memset(&self, 0, sizeof(self));
  self.server.program = words[EMBEDDED_ARGUMENT_SERVER];
  self.server.fsync = words[EMBEDDED_ARGUMENT_FSYNC];
  self.server.directory = EMBEDDED_DIRECTORY_DESCRIPTOR;
  self.link = words[EMBEDDED_ARGUMENT_LINK];
  open_log();
  take_lock(&self);
  prepare(&self);
  report(EMBEDDED_RUNS, 0, "");
  for (;;) {
    struct pollfd events[3] = {{self.signals, POLLIN, 0}, {self.nobody, POLLIN, 0}, {self.changes, POLLIN, 0}};
    poll(events, 3, act(&self));
    if (events[0].revents != 0) hear_signals(&self);
    if (events[2].revents != 0) hear_changes(&self);
    uint64_t one = 0;
    if (events[1].revents != 0 && read(self.nobody, &one, sizeof(one)) > 0) end(&self, "nobody is attached");
  }
}
