#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leftovers.h"
#include "ports.h"
#include "support.h"

enum { most_arguments = 128 };

struct test_server {
  pid_t pid;
  char *directory;
  int owns_directory;
  char *socket;
  char *url;
  int port;
  char *tcp_url;
  char **extra;
};

static void require_main_thread(const char *what) {
  if (gettid() != getpid()) test_die("%s: only from the main thread, with which the server ends", what);
}

static const char *program(void) {
  const char *named = getenv("CACHECORE_TEST_REDIS_SERVER");
  return named != NULL && named[0] != '\0' ? named : "redis-server";
}

/* Runs in the child of a program that may have threads: async-signal-safe calls only (execvp of glibc is). */
static void become_server(char *const *words, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  struct sigaction by_default;
  memset(&by_default, 0, sizeof(by_default));
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; number++) sigaction(number, &by_default, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, 0);
  dup2(output, 1);
  dup2(output, 2);
  close_range(3, ~0U, 0);
  execvp(words[0], words);
  static const char reason[] = "cannot be executed: is redis-server installed?\n";
  if (write(2, reason, sizeof(reason) - 1) < 0) _exit(126);
  _exit(127);
}

static void launch(test_server *server) {
  char port[16];
  snprintf(port, sizeof(port), "%d", server->port);
  const char *fixed[] = {"--port",
                         port,
                         "--bind",
                         "127.0.0.1",
                         "--unixsocket",
                         server->socket,
                         "--unixsocketperm",
                         "700",
                         "--dir",
                         server->directory,
                         "--save",
                         "",
                         "--appendonly",
                         "no",
                         "--daemonize",
                         "no",
                         "--enable-debug-command",
                         "yes"};
  char *words[most_arguments];
  size_t count = 0;
  words[count++] = (char *)(uintptr_t)program();
  char **extra = server->extra;
  if (*extra != NULL && (*extra)[0] == '/') words[count++] = *extra++;
  for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) words[count++] = (char *)(uintptr_t)fixed[i];
  for (; *extra != NULL; extra++) {
    if (count + 1 == most_arguments) test_die("too many arguments for a server");
    words[count++] = *extra;
  }
  words[count] = NULL;

  char *log = test_format("%s/redis.log", server->directory);
  int output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) test_die("%s: %s", log, strerror(errno));
  free(log);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) test_die("fork: %s", strerror(errno));
  if (pid == 0) become_server(words, output, parent);
  close(output);
  server->pid = pid;
  leftover_process_add(pid);
}

static void print_log(const test_server *server) {
  char *path = test_format("%s/redis.log", server->directory);
  FILE *log = fopen(path, "re");
  free(path);
  if (log == NULL) return;
  char line[1024];
  while (fgets(line, sizeof(line), log) != NULL) fprintf(stderr, "  redis-server: %s", line);
  fclose(log);
}

static int answers(const test_server *server) {
  redisReply *reply = test_try_command_at(server->socket, "PING");
  int pong = reply != NULL && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0;
  if (reply != NULL) freeReplyObject(reply);
  return pong;
}

static void reaped(test_server *server) {
  leftover_process_remove(server->pid);
  server->pid = 0;
}

/* 1 once it answers, 0 when it exited before that. */
static int started(test_server *server) {
  int64_t deadline = test_now_ms() + test_patience_ms();
  for (;;) {
    if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
      reaped(server);
      return 0;
    }
    if (answers(server)) return 1;
    if (test_now_ms() > deadline) {
      print_log(server);
      test_die("redis-server in %s does not answer", server->directory);
    }
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
  }
}

/* Another program may take the port between choosing and binding it: then the server exits, and another port is chosen.
 */
static void launch_until_started(test_server *server, int with_tcp, int may_choose_port) {
  int attempts = with_tcp ? 20 : 1;
  for (int attempt = 0; attempt < attempts; attempt++) {
    if (with_tcp && may_choose_port) server->port = free_port();
    unlink(server->socket);
    launch(server);
    if (started(server)) return;
  }
  print_log(server);
  test_die("redis-server in %s ended at its start", server->directory);
}

static test_server *start(const char *dir, const char *const *extra_args, int with_tcp) {
  require_main_thread("test_server_start");
  test_server *server = (test_server *)calloc(1, sizeof(*server));
  size_t extras = 0;
  while (extra_args != NULL && extra_args[extras] != NULL) extras++;
  if (server != NULL) server->extra = (char **)calloc(extras + 1, sizeof(char *));
  if (server == NULL || server->extra == NULL) test_die("out of memory");
  for (size_t i = 0; i < extras; i++) server->extra[i] = test_format("%s", extra_args[i]);
  server->owns_directory = dir == NULL;
  server->directory = dir == NULL ? test_directory() : test_format("%s", dir);
  server->socket = test_format("%s/redis.sock", server->directory);
  server->url = test_format("unix://%s", server->socket);
  launch_until_started(server, with_tcp, 1);
  if (with_tcp) server->tcp_url = test_format("redis://127.0.0.1:%d", server->port);
  return server;
}

test_server *test_server_start(const char *dir, const char *const *extra_args) { return start(dir, extra_args, 0); }

test_server *test_server_start_tcp(const char *dir, const char *const *extra_args) { return start(dir, extra_args, 1); }

static void end_in_order(test_server *server) {
  if (server->pid == 0) return;
  kill(server->pid, SIGTERM);
  kill(server->pid, SIGCONT);
  if (!test_wait_gone(server->pid, test_patience_ms())) kill(server->pid, SIGKILL);
  waitpid(server->pid, NULL, 0);
  reaped(server);
}

void test_server_stop(test_server *server) {
  if (server == NULL) return;
  require_main_thread("test_server_stop");
  end_in_order(server);
  if (server->owns_directory) {
    test_directory_remove(server->directory);
  } else {
    free(server->directory);
  }
  for (char **extra = server->extra; *extra != NULL; extra++) free(*extra);
  free(server->extra);
  free(server->socket);
  free(server->url);
  free(server->tcp_url);
  free(server);
}

void test_server_kill(test_server *server) {
  if (server->pid == 0) return;
  kill(server->pid, SIGKILL);
  waitpid(server->pid, NULL, 0);
  reaped(server);
}

void test_server_restart(test_server *server) {
  require_main_thread("test_server_restart");
  end_in_order(server);
  launch_until_started(server, server->port != 0, 0);
}

void test_server_pause(test_server *server) {
  int status = 0;
  kill(server->pid, SIGSTOP);
  if (waitpid(server->pid, &status, WUNTRACED) != server->pid || !WIFSTOPPED(status)) {
    test_die("redis-server in %s did not stop", server->directory);
  }
}

void test_server_resume(test_server *server) {
  int status = 0;
  kill(server->pid, SIGCONT);
  if (waitpid(server->pid, &status, WCONTINUED) != server->pid || !WIFCONTINUED(status)) {
    test_die("redis-server in %s did not go on", server->directory);
  }
}

pid_t test_server_pid(const test_server *server) { return server->pid; }
const char *test_server_directory(const test_server *server) { return server->directory; }
const char *test_server_socket(const test_server *server) { return server->socket; }
const char *test_server_url(const test_server *server) { return server->url; }
int test_server_port(const test_server *server) { return server->port; }
const char *test_server_tcp_url(const test_server *server) { return server->tcp_url; }
