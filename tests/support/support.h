/* support.h: what the tests of every area stand on: directories, private redis-servers, raw commands, a fault proxy,
 * waiting.
 *
 * C11 and C++. Conventions:
 * - A support function that cannot do its job prints the reason and ends the test program with exit code 99 (test_die),
 * so no caller checks for failure. What is the test's own business (a reply's content) is returned.
 * - Servers and directories that a failed test left behind are removed when the program that made them exits.
 * - Waiting is for an event, with a deadline that only decides when to give up (test_patience_ms): never a fixed sleep.
 * - [main thread]: only there; [any thread]: anywhere, also at once.
 */
#ifndef CACHECORE_TESTS_SUPPORT_H
#define CACHECORE_TESTS_SUPPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct redisReply; /* include <hiredis/hiredis.h> to look into one */

/* ---- giving up and waiting [any thread] ---- */

/* Prints and exits with 99. */
void test_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* How long a wait may take before it counts as failed: 30,000, times CACHECORE_TEST_PATIENCE (a factor, for slow
 * machines). */
int64_t test_patience_ms(void);

/* CLOCK_MONOTONIC in milliseconds. */
int64_t test_now_ms(void);

/* Calls `holds` every few milliseconds until it returns nonzero: 1, or 0 once timeout_ms have passed. */
int test_wait_until(int (*holds)(void *context), void *context, int64_t timeout_ms);

/* Waits for the end of any process (child or not; a zombie has ended) on a pidfd: 1, or 0 once timeout_ms have passed.
 */
int test_wait_gone(pid_t pid, int64_t timeout_ms);

/* ---- directories [any thread] ---- */

/* Makes a directory of mode 0700 under /tmp (short: unix socket paths fit). Freed by test_directory_remove. */
char *test_directory(void);

/* Removes it with all that is in it, frees the path. NULL is fine. */
void test_directory_remove(char *path);

/* directory + "/" + name, or `format` put together; freed by the caller with free. */
char *test_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- a private redis-server ----
 * Starting, restarting and stopping: [main thread], because the kernel ends the server with the thread that started it
 * (which is how it cannot outlive a crashed test). A server is a child of the test program: waitpid(-1) sees it.
 * Persistence is off and DEBUG is allowed, unless the extra arguments say otherwise. The program is
 * CACHECORE_TEST_REDIS_SERVER, else redis-server of the PATH. */

typedef struct test_server test_server;

/* Starts a server on <dir>/redis.sock and returns once it answers PONG. `dir` NULL: a directory of its own, removed at
 * the stop. `extra_args` NULL or NULL-ended, appended to the command line: {"--appendonly", "yes", NULL}; a first one
 * that begins with '/' is a configuration file. */
test_server *test_server_start(const char *dir, const char *const *extra_args);

/* The same, also on a free TCP port of 127.0.0.1. */
test_server *test_server_start_tcp(const char *dir, const char *const *extra_args);

/* Ends it in order (SIGTERM), reaps it, frees. NULL is fine. */
void test_server_stop(test_server *server);

/* kill -9, reaped at return. The object stays, for test_server_restart or test_server_stop. */
void test_server_kill(test_server *server);

/* Ends it in order unless it is dead, starts it with the same arguments, directory and port; returns at PONG. */
void test_server_restart(test_server *server);

/* SIGSTOP and SIGCONT; at return the process has stopped, or goes on. */
void test_server_pause(test_server *server);
void test_server_resume(test_server *server);

/* [any thread] These live as long as the server object. */
pid_t test_server_pid(const test_server *server); /* 0 while dead */
const char *test_server_directory(const test_server *server);
const char *test_server_socket(const test_server *server);  /* the socket's path */
const char *test_server_url(const test_server *server);     /* unix:///... */
int test_server_port(const test_server *server);            /* 0 without TCP */
const char *test_server_tcp_url(const test_server *server); /* redis://127.0.0.1:..., NULL without TCP */

/* ---- raw commands, each on a connection of its own [any thread] ----
 * `format` is hiredis': words parted by spaces, %s for a string, %b for bytes and size_t, %lld ... A connection that
 * fails is the end of the test, an error reply is a reply. */

/* Freed by the caller with freeReplyObject. */
struct redisReply *test_command(const test_server *server, const char *format, ...);

/* To the server at a socket path, for servers the test did not start. */
struct redisReply *test_command_at(const char *socket_path, const char *format, ...);

/* NULL instead of the test's end when the server cannot be reached or hangs up. */
struct redisReply *test_try_command_at(const char *socket_path, const char *format, ...);

/* The reply as text: a string or status as it is, an integer in digits, "(nil)", "(error) WHY", "[a, b]". Freed with
 * free. */
char *test_command_text(const test_server *server, const char *format, ...);
char *test_command_text_at(const char *socket_path, const char *format, ...);

/* The reply has to be an integer. */
int64_t test_command_integer(const test_server *server, const char *format, ...);

/* A number of INFO ("connected_clients", "total_commands_processed"); -1 when INFO has no such field. */
int64_t test_server_info(const test_server *server, const char *field);

/* ---- a proxy with faults ----
 * A thread of the test program that listens on a unix socket and a TCP port of 127.0.0.1 and forwards every connection
 * to the server. Every setting is in force when its function returns: what the proxy reads from then on is treated by
 * it. Faults of the two directions are independent and may be combined; bytes of a connection never change their order
 * unless told. [any thread] */

typedef struct test_proxy test_proxy;

typedef enum test_direction { TEST_TO_SERVER = 0, TEST_TO_CLIENT = 1 } test_direction;

/* All zero: none. "After n bytes" counts for each connection from the setting (or its later start). */
typedef struct test_faults {
  int hold;          /* bytes and the end wait in the proxy until hold is taken back; nothing is lost */
  int swallow;       /* a black hole: bytes and the end vanish */
  int64_t delay_ms;  /* every chunk, and the end, arrives so much later */
  int64_t drip_ms;   /* slow drip: one byte at a time, so far apart */
  int cut;           /* after exactly cut_after bytes were passed on, the connection is closed to both sides ... */
  int64_t cut_after; /* ... (0: at the first byte, of which nothing is passed on) ... */
  int cut_limit;     /* ... so many connections at most, then the fault is over; 0: every one */
  int cut_resets;    /* ... and by RST instead of FIN */
  int garbage;       /* bytes beyond garbage_after are replaced by garbage of the same length (the same in every run) */
  int64_t garbage_after;
  int reorder; /* the halves of every chunk change places */
} test_faults;

typedef struct test_proxy_counts {
  int64_t accepted;     /* connections ever accepted */
  int64_t open;         /* client connections open now */
  int64_t cut;          /* connections ended by `cut` */
  int64_t received[2];  /* bytes read, by direction */
  int64_t delivered[2]; /* bytes passed on, by direction */
  int64_t swallowed[2]; /* bytes thrown away, by direction */
} test_proxy_counts;

/* A proxy in front of `server`: of its TCP port where it has one, else of its socket. Survives restarts of the server.
 */
test_proxy *test_proxy_start(const test_server *server);

/* A proxy in front of anything: `upstream` is "unix:/path" or "127.0.0.1:port"; its socket is made in `directory`. */
test_proxy *test_proxy_start_at(const char *directory, const char *upstream);

/* Closes everything, ends the thread, frees. NULL is fine. */
void test_proxy_stop(test_proxy *proxy);

const char *test_proxy_socket(const test_proxy *proxy);
const char *test_proxy_url(const test_proxy *proxy); /* unix:///... */
int test_proxy_port(const test_proxy *proxy);
const char *test_proxy_tcp_url(const test_proxy *proxy); /* redis://127.0.0.1:... */

/* Replaces all faults of one direction; `faults` NULL: none. */
void test_proxy_set(test_proxy *proxy, test_direction direction, const test_faults *faults);

/* No faults in either direction, connections accepted and kept, new ones not half-open. Held bytes go on. */
void test_proxy_clear(test_proxy *proxy);

/* The same, one fault at a time: each replaces the direction's other faults, 0 takes it back. */
void test_proxy_hold(test_proxy *proxy, test_direction direction, int on);
void test_proxy_swallow(test_proxy *proxy, test_direction direction, int on);
void test_proxy_delay(test_proxy *proxy, test_direction direction, int64_t ms);
void test_proxy_drip(test_proxy *proxy, test_direction direction, int64_t ms);
void test_proxy_cut_once(test_proxy *proxy, test_direction direction, int64_t after_bytes);

/* Puts `bytes` into the stream of every open connection, behind what was read so far, as if the other side had sent
 * them. */
void test_proxy_inject(test_proxy *proxy, test_direction direction, const void *bytes, size_t size);

/* Ends every open connection: by FIN to both sides; by RST (on a unix socket: a close, which the peer sees as
 * ECONNRESET when bytes of it are unread, else as the end). Bytes still in the proxy are lost. */
void test_proxy_disconnect(test_proxy *proxy);
void test_proxy_reset(test_proxy *proxy);

/* Half-open: the server's side of every connection is closed, the client's stays open and silent: it takes all bytes
 * and never answers. Connections made while it is on are born so; those made half-open stay so when it is off. */
void test_proxy_half_open(test_proxy *proxy, int on);

/* While on, connecting is refused (ECONNREFUSED), on the same port and path as later. Open connections are left alone.
 */
void test_proxy_refuse(test_proxy *proxy, int on);

/* While on, connections are accepted and closed at once; they count as accepted. Open connections are left alone. */
void test_proxy_hang_up(test_proxy *proxy, int on);

/* A snapshot, of one moment. */
test_proxy_counts test_proxy_count(test_proxy *proxy);

/* Wait for an event of the proxy: 1, or 0 once timeout_ms have passed. `received` counts as in test_proxy_counts. */
int test_proxy_wait_received(test_proxy *proxy, test_direction direction, int64_t at_least, int64_t timeout_ms);
int test_proxy_wait_accepted(test_proxy *proxy, int64_t at_least, int64_t timeout_ms);
int test_proxy_wait_open(test_proxy *proxy, int64_t exactly, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
