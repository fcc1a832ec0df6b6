#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ports.h"
#include "proxy_state.h"

static const int backlog = 512;

static socklen_t unix_address(struct sockaddr_storage *out, const char *path) {
  struct sockaddr_un *address = (struct sockaddr_un *)out;
  memset(out, 0, sizeof(*out));
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof(address->sun_path)) test_die("%s: too long for a unix socket", path);
  memcpy(address->sun_path, path, strlen(path));
  return sizeof(*address);
}

static socklen_t tcp_address(struct sockaddr_storage *out, int port) {
  struct sockaddr_in *address = (struct sockaddr_in *)out;
  memset(out, 0, sizeof(*out));
  address->sin_family = AF_INET;
  address->sin_port = htons((uint16_t)port);
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sizeof(*address);
}

/* Bound under another name and then renamed, so that the path never vanishes. */
static int listen_unix(const char *path) {
  char *fresh = test_format("%s.new", path);
  struct sockaddr_storage address;
  socklen_t size = unix_address(&address, fresh);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  unlink(fresh);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, backlog) != 0 ||
      rename(fresh, path) != 0) {
    test_die("%s: %s", path, strerror(errno));
  }
  free(fresh);
  return listener;
}

/* The port is bound by number: only then does the socket keep it while it is not listening (refuse). */
static int listen_tcp(int *port) {
  for (int attempt = 0; attempt < 50; attempt++) {
    *port = free_port();
    struct sockaddr_storage address;
    socklen_t size = tcp_address(&address, *port);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (listener >= 0) setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, backlog) == 0) {
      return listener;
    }
    if (listener >= 0) close(listener);
  }
  test_die("no free port for a proxy");
}

static void start_thread(test_proxy *proxy) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&proxy->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&proxy->lock, NULL);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&proxy->thread, NULL, proxy_loop, proxy);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed != 0) test_die("pthread_create: %s", strerror(failed));
}

test_proxy *test_proxy_start_at(const char *directory, const char *upstream) {
  static pthread_mutex_t numbering = PTHREAD_MUTEX_INITIALIZER;
  static int number;
  test_proxy *proxy = (test_proxy *)calloc(1, sizeof(*proxy));
  if (proxy == NULL) test_die("out of memory");
  pthread_mutex_lock(&numbering);
  proxy->socket = test_format("%s/proxy%d.sock", directory, number++);
  pthread_mutex_unlock(&numbering);
  const char *colon = strrchr(upstream, ':');
  if (strncmp(upstream, "unix:/", 6) == 0) {
    proxy->upstream_size = unix_address(&proxy->upstream, upstream + 5);
  } else if (strncmp(upstream, "127.0.0.1:", 10) == 0) {
    proxy->upstream_size = tcp_address(&proxy->upstream, (int)strtol(colon + 1, NULL, 10));
  } else {
    test_die("upstream \"%s\": expected unix:/path or 127.0.0.1:port", upstream);
  }
  proxy->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (proxy->wake < 0) test_die("eventfd: %s", strerror(errno));
  proxy->unix_listener = listen_unix(proxy->socket);
  proxy->tcp_listener = listen_tcp(&proxy->port);
  proxy->url = test_format("unix://%s", proxy->socket);
  proxy->tcp_url = test_format("redis://127.0.0.1:%d", proxy->port);
  start_thread(proxy);
  return proxy;
}

test_proxy *test_proxy_start(const test_server *server) {
  char *upstream = test_server_port(server) > 0 ? test_format("127.0.0.1:%d", test_server_port(server))
                                                : test_format("unix:%s", test_server_socket(server));
  test_proxy *proxy = test_proxy_start_at(test_server_directory(server), upstream);
  free(upstream);
  return proxy;
}

static void wake(test_proxy *proxy) {
  uint64_t one = 1;
  if (write(proxy->wake, &one, sizeof(one)) < 0 && errno != EAGAIN) test_die("eventfd: %s", strerror(errno));
}

/* Every control function changes the state between these two. Whoever has connected by now is a connection like the
 * others. */
static void begin(test_proxy *proxy) {
  pthread_mutex_lock(&proxy->lock);
  proxy_accept(proxy);
}

/* Returns once the thread has acted on what was changed. */
static void apply(test_proxy *proxy) {
  int64_t mine = ++proxy->wanted;
  wake(proxy);
  while (proxy->applied < mine) pthread_cond_wait(&proxy->changed, &proxy->lock);
  pthread_mutex_unlock(&proxy->lock);
}

void test_proxy_stop(test_proxy *proxy) {
  if (proxy == NULL) return;
  pthread_mutex_lock(&proxy->lock);
  proxy->stopping = 1;
  wake(proxy);
  pthread_mutex_unlock(&proxy->lock);
  pthread_join(proxy->thread, NULL);
  while (proxy->connections != NULL) {
    connection *one = proxy->connections;
    proxy->connections = one->next;
    connection_free(one);
  }
  if (proxy->unix_listener >= 0) close(proxy->unix_listener);
  shutdown(proxy->tcp_listener, SHUT_RDWR);
  close(proxy->tcp_listener);
  close(proxy->wake);
  unlink(proxy->socket);
  pthread_cond_destroy(&proxy->changed);
  pthread_mutex_destroy(&proxy->lock);
  free(proxy->socket);
  free(proxy->url);
  free(proxy->tcp_url);
  free(proxy);
}

const char *test_proxy_socket(const test_proxy *proxy) { return proxy->socket; }
const char *test_proxy_url(const test_proxy *proxy) { return proxy->url; }
int test_proxy_port(const test_proxy *proxy) { return proxy->port; }
const char *test_proxy_tcp_url(const test_proxy *proxy) { return proxy->tcp_url; }

/* Under the lock. */
static void set_faults(test_proxy *proxy, test_direction direction, const test_faults *faults) {
  static const test_faults none;
  proxy->faults[direction] = faults == NULL ? none : *faults;
  proxy->cuts_left[direction] = proxy->faults[direction].cut_limit;
  for (connection *one = proxy->connections; one != NULL; one = one->next) {
    one->streams[direction].entered = 0;
    one->streams[direction].passed = 0;
    one->streams[direction].drip_due = 0;
  }
}

void test_proxy_set(test_proxy *proxy, test_direction direction, const test_faults *faults) {
  begin(proxy);
  set_faults(proxy, direction, faults);
  apply(proxy);
}

void test_proxy_hold(test_proxy *proxy, test_direction direction, int on) {
  test_faults faults = {.hold = on};
  test_proxy_set(proxy, direction, &faults);
}

void test_proxy_swallow(test_proxy *proxy, test_direction direction, int on) {
  test_faults faults = {.swallow = on};
  test_proxy_set(proxy, direction, &faults);
}

void test_proxy_delay(test_proxy *proxy, test_direction direction, int64_t ms) {
  test_faults faults = {.delay_ms = ms};
  test_proxy_set(proxy, direction, &faults);
}

void test_proxy_drip(test_proxy *proxy, test_direction direction, int64_t ms) {
  test_faults faults = {.drip_ms = ms};
  test_proxy_set(proxy, direction, &faults);
}

void test_proxy_cut_once(test_proxy *proxy, test_direction direction, int64_t after_bytes) {
  test_faults faults = {.cut = 1, .cut_after = after_bytes, .cut_limit = 1};
  test_proxy_set(proxy, direction, &faults);
}

void test_proxy_inject(test_proxy *proxy, test_direction direction, const void *bytes, size_t size) {
  static const test_faults none;
  begin(proxy);
  for (connection *one = proxy->connections; one != NULL; one = one->next) {
    if (one->state == connection_open) stream_enter(&one->streams[direction], &none, bytes, size);
  }
  apply(proxy);
}

static void turn_all(test_proxy *proxy, connection_state state) {
  begin(proxy);
  for (connection *one = proxy->connections; one != NULL; one = one->next) {
    if (one->state != connection_draining) one->state = state;
  }
  apply(proxy);
}

void test_proxy_disconnect(test_proxy *proxy) { turn_all(proxy, connection_draining); }

void test_proxy_reset(test_proxy *proxy) { turn_all(proxy, connection_resetting); }

void test_proxy_half_open(test_proxy *proxy, int on) {
  begin(proxy);
  proxy->half_open = on;
  for (connection *one = proxy->connections; on && one != NULL; one = one->next) {
    if (one->state == connection_open) one->state = connection_half_open;
  }
  apply(proxy);
}

/* Under the lock. A listening TCP socket that is shut down refuses, keeps its port, and can listen again. */
static void set_refusing(test_proxy *proxy, int on) {
  if (proxy->refusing == on) return;
  proxy->refusing = on;
  if (on) {
    shutdown(proxy->tcp_listener, SHUT_RDWR);
    shutdown(proxy->unix_listener, SHUT_RDWR);
    return;
  }
  if (listen(proxy->tcp_listener, backlog) != 0) test_die("port %d: %s", proxy->port, strerror(errno));
  proxy->unix_listener = listen_unix(proxy->socket);
}

void test_proxy_refuse(test_proxy *proxy, int on) {
  begin(proxy);
  set_refusing(proxy, on != 0);
  apply(proxy);
}

void test_proxy_hang_up(test_proxy *proxy, int on) {
  begin(proxy);
  proxy->hanging_up = on;
  apply(proxy);
}

void test_proxy_clear(test_proxy *proxy) {
  begin(proxy);
  set_faults(proxy, TEST_TO_SERVER, NULL);
  set_faults(proxy, TEST_TO_CLIENT, NULL);
  proxy->half_open = 0;
  proxy->hanging_up = 0;
  set_refusing(proxy, 0);
  apply(proxy);
}

test_proxy_counts test_proxy_count(test_proxy *proxy) {
  pthread_mutex_lock(&proxy->lock);
  test_proxy_counts counts = proxy->counts;
  pthread_mutex_unlock(&proxy->lock);
  return counts;
}

typedef struct condition {
  const int64_t *count;
  int64_t number;
  int exactly;
} condition;

static int wait_for(test_proxy *proxy, condition wanted, int64_t timeout_ms) {
  struct timespec deadline;
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += (time_t)(timeout_ms / 1000);
  deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
  if (deadline.tv_nsec >= 1000000000) {
    deadline.tv_sec++;
    deadline.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&proxy->lock);
  int met = 0;
  for (int late = 0;;) {
    met = wanted.exactly ? *wanted.count == wanted.number : *wanted.count >= wanted.number;
    if (met || late) break;
    late = pthread_cond_timedwait(&proxy->changed, &proxy->lock, &deadline) == ETIMEDOUT;
  }
  pthread_mutex_unlock(&proxy->lock);
  return met;
}

int test_proxy_wait_received(test_proxy *proxy, test_direction direction, int64_t at_least, int64_t timeout_ms) {
  condition wanted = {&proxy->counts.received[direction], at_least, 0};
  return wait_for(proxy, wanted, timeout_ms);
}

int test_proxy_wait_accepted(test_proxy *proxy, int64_t at_least, int64_t timeout_ms) {
  condition wanted = {&proxy->counts.accepted, at_least, 0};
  return wait_for(proxy, wanted, timeout_ms);
}

int test_proxy_wait_open(test_proxy *proxy, int64_t exactly, int64_t timeout_ms) {
  condition wanted = {&proxy->counts.open, exactly, 1};
  return wait_for(proxy, wanted, timeout_ms);
}
