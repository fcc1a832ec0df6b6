#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

void test_die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("test support: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(99);
}

int64_t test_patience_ms(void) {
  const char *factor = getenv("CACHECORE_TEST_PATIENCE");
  double times = factor == NULL ? 1.0 : strtod(factor, NULL);
  return (int64_t)(30000.0 * (times > 0 ? times : 1.0));
}

int64_t test_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int test_wait_until(int (*holds)(void *context), void *context, int64_t timeout_ms) {
  int64_t deadline = test_now_ms() + timeout_ms;
  for (;;) {
    if (holds(context)) return 1;
    if (test_now_ms() >= deadline) return 0;
    struct timespec pause = {0, 3000000};
    nanosleep(&pause, NULL);
  }
}

static int process_gone(void *context) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)*(pid_t *)context);
  FILE *file = fopen(path, "re");
  if (file == NULL) return 1;
  char line[512];
  size_t size = fread(line, 1, sizeof(line) - 1, file);
  fclose(file);
  line[size] = '\0';
  const char *state = strrchr(line, ')');
  return state == NULL || state[2] == 'Z' || state[2] == 'X';
}

int test_wait_gone(pid_t pid, int64_t timeout_ms) {
  int64_t deadline = test_now_ms() + timeout_ms;
  int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
  if (descriptor < 0) return errno == ESRCH ? 1 : test_wait_until(process_gone, &pid, timeout_ms);
  for (;;) {
    struct pollfd event = {descriptor, POLLIN, 0};
    int64_t left = deadline - test_now_ms();
    int ready = poll(&event, 1, left > 0 ? (int)left : 0);
    if (ready < 0 && errno == EINTR) continue;
    close(descriptor);
    return ready > 0;
  }
}

char *test_format(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = NULL;
  if (vasprintf(&text, format, arguments) < 0) test_die("out of memory");
  va_end(arguments);
  return text;
}
