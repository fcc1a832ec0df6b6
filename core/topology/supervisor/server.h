/* server.h: the redis-server a supervisor runs: its start, its deaths, the time until it is started again.
 *
 * Used by the supervisor's main thread only, because the kernel ends the server with the thread that started it.
 */
#ifndef CACHECORE_SUPERVISOR_SERVER_H
#define CACHECORE_SUPERVISOR_SERVER_H

#include <stdint.h>
#include <sys/types.h>

typedef struct server {
  const char *program;
  const char *fsync; /* "": no log of writes */
  int directory;
  pid_t pid;          /* 0 while it does not run */
  int64_t started_at; /* ms */
  int64_t start_at;   /* ms; when to start it again, 0: not to be started */
  int deaths;         /* in a row, each within a minute of its start */
  int early_deaths;   /* in a row, each within a second of its start */
} server;

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t now_ms(void);

/* A line in the log. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Starts it, once its log of writes is in order (repair.h), which takes a time that grows with that log. 0, or the
 * errno of fork or exec. */
int server_start(server *self);

/* Takes note of its end and plans the next start. 0 when there is no point in one: it never gets past its first second.
 */
int server_ended(server *self, int status);

/* "exit code 1", "signal 9 (Killed)". */
const char *describe_end(int status, char *out, size_t size);

#endif
