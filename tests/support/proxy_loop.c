#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy_state.h"

typedef struct poll_set {
  struct pollfd *events;
  int count, capacity;
} poll_set;

static int poll_add(poll_set *set, int descriptor, int wanted) {
  if (descriptor < 0 || wanted == 0) return -1;
  if (set->count == set->capacity) {
    set->capacity = set->capacity * 2 + 16;
    struct pollfd *larger = (struct pollfd *)realloc(set->events, (size_t)set->capacity * sizeof(struct pollfd));
    if (larger == NULL) test_die("out of memory");
    set->events = larger;
  }
  struct pollfd event = {descriptor, (short)wanted, 0};
  set->events[set->count] = event;
  return set->count++;
}

static int happened(const poll_set *set, int index) {
  return index >= 0 && index < set->count && set->events[index].revents != 0;
}

/* A forked child may hold copies of our descriptors, so closing alone would not reach the peer. */
static void close_side(int *descriptor) {
  if (*descriptor < 0) return;
  shutdown(*descriptor, SHUT_RDWR);
  close(*descriptor);
  *descriptor = -1;
}

/* Disconnecting a TCP socket (connect to AF_UNSPEC) sends the RST, also when a forked child holds a copy. */
static void reset_side(int *descriptor) {
  struct sockaddr nowhere;
  memset(&nowhere, 0, sizeof(nowhere));
  nowhere.sa_family = AF_UNSPEC;
  /* A unix socket refuses this: all there is for it is a close. */
  if (*descriptor >= 0 && connect(*descriptor, &nowhere, sizeof(nowhere)) != 0) shutdown(*descriptor, SHUT_RDWR);
  close_side(descriptor);
}

void connection_free(connection *self) {
  close_side(&self->client);
  close_side(&self->server);
  stream_drop(&self->streams[TEST_TO_SERVER]);
  stream_drop(&self->streams[TEST_TO_CLIENT]);
  free(self);
}

static int connect_upstream(const test_proxy *proxy) {
  int family = proxy->upstream.ss_family;
  int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  if (connect(descriptor, (const struct sockaddr *)&proxy->upstream, proxy->upstream_size) != 0 &&
      errno != EINPROGRESS) {
    close(descriptor);
    return -1;
  }
  int on = 1;
  if (family == AF_INET) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return descriptor;
}

static void accept_from(test_proxy *proxy, int listener) {
  if (listener < 0 || proxy->refusing) return;
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    int on = 1;
    if (listener == proxy->tcp_listener) setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    proxy->counts.accepted++;
    if (proxy->hanging_up) {
      close_side(&client);
      continue;
    }
    int server = proxy->half_open ? -1 : connect_upstream(proxy);
    if (server < 0 && !proxy->half_open) {
      close_side(&client);
      continue;
    }
    connection *made = (connection *)calloc(1, sizeof(*made));
    if (made == NULL) test_die("out of memory");
    made->state = proxy->half_open ? connection_half_open : connection_open;
    made->client = client;
    made->server = server;
    made->streams[TEST_TO_SERVER].from = made->streams[TEST_TO_CLIENT].to = client;
    made->streams[TEST_TO_SERVER].to = made->streams[TEST_TO_CLIENT].from = server;
    made->client_index = made->server_index = -1;
    made->next = proxy->connections;
    proxy->connections = made;
  }
}

void proxy_accept(test_proxy *proxy) {
  accept_from(proxy, proxy->unix_listener);
  accept_from(proxy, proxy->tcp_listener);
}

/* Whether the stream asks for a cut, which it gets unless the limit is used up. */
static int cut(test_proxy *proxy, connection *self, test_direction direction) {
  stream *from = &self->streams[direction];
  test_faults *faults = &proxy->faults[direction];
  if (!from->cut_due) return 0;
  from->cut_due = 0;
  proxy->counts.cut++;
  self->state = faults->cut_resets ? connection_resetting : connection_draining;
  if (faults->cut_limit > 0 && --proxy->cuts_left[direction] <= 0) faults->cut = 0;
  return 1;
}

static void serve_open(test_proxy *proxy, connection *self, int client_event, int server_event) {
  for (int i = 0; i < 2; i++) {
    test_direction direction = (test_direction)i;
    stream *one = &self->streams[direction];
    int event = direction == TEST_TO_SERVER ? client_event : server_event;
    if (event && stream_wants(one)) stream_read(one, &proxy->faults[direction], direction, &proxy->counts, 0);
  }
  for (int i = 0; i < 2; i++) {
    test_direction direction = (test_direction)i;
    stream_flush(&self->streams[direction], &proxy->faults[direction], direction, &proxy->counts);
    if (cut(proxy, self, direction)) return;
  }
}

/* Reads and throws away; 1 while the side may send more. */
static int drain_side(int descriptor) {
  char bytes[4096];
  for (;;) {
    ssize_t size = recv(descriptor, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size > 0) continue;
    return size < 0 && (errno == EAGAIN || errno == EINTR);
  }
}

static void tell_end(connection *self) {
  stream_drop(&self->streams[TEST_TO_SERVER]);
  stream_drop(&self->streams[TEST_TO_CLIENT]);
  if (self->client >= 0) shutdown(self->client, SHUT_WR);
  if (self->server >= 0) shutdown(self->server, SHUT_WR);
}

/* 1 when the connection is over. */
static int serve(test_proxy *proxy, connection *self, int client_event, int server_event) {
  stream *up = &self->streams[TEST_TO_SERVER];
  stream *down = &self->streams[TEST_TO_CLIENT];
  if (self->state == connection_open) serve_open(proxy, self, client_event, server_event);
  switch (self->state) {
    case connection_half_open:
      close_side(&self->server);
      if (client_event && stream_wants(up)) {
        stream_read(up, &proxy->faults[TEST_TO_SERVER], TEST_TO_SERVER, &proxy->counts, 1);
      }
      return up->source_ended;
    case connection_resetting:
      reset_side(&self->client);
      reset_side(&self->server);
      return 1;
    case connection_draining:
      tell_end(self);
      if (self->client >= 0 && !drain_side(self->client)) close_side(&self->client);
      if (self->server >= 0 && !drain_side(self->server)) close_side(&self->server);
      return self->client < 0 && self->server < 0;
    default:
      return up->ended && down->ended;
  }
}

static void serve_all(test_proxy *proxy, const poll_set *set) {
  for (connection **link = &proxy->connections; *link != NULL;) {
    connection *one = *link;
    if (serve(proxy, one, happened(set, one->client_index), happened(set, one->server_index))) {
      *link = one->next;
      connection_free(one);
      continue;
    }
    link = &one->next;
  }
}

static void count_open(test_proxy *proxy) {
  proxy->counts.open = 0;
  for (const connection *one = proxy->connections; one != NULL; one = one->next) {
    if (one->state != connection_draining && !one->streams[TEST_TO_SERVER].source_ended) proxy->counts.open++;
  }
}

static int events_of(const stream *reads, const stream *writes) {
  return (stream_wants(reads) ? POLLIN : 0) | (writes->blocked ? POLLOUT : 0);
}

/* Fills the set; returns poll's timeout. */
static int prepare(test_proxy *proxy, poll_set *set) {
  set->count = 0;
  poll_add(set, proxy->wake, POLLIN);
  if (!proxy->refusing) {
    poll_add(set, proxy->unix_listener, POLLIN);
    poll_add(set, proxy->tcp_listener, POLLIN);
  }
  int64_t due = INT64_MAX;
  for (connection *one = proxy->connections; one != NULL; one = one->next) {
    const stream *up = &one->streams[TEST_TO_SERVER];
    const stream *down = &one->streams[TEST_TO_CLIENT];
    int draining = one->state == connection_draining;
    one->client_index = poll_add(set, one->client, draining ? POLLIN : events_of(up, down));
    one->server_index = poll_add(set, one->server, draining ? POLLIN : events_of(down, up));
    if (one->state != connection_open) continue;
    for (int i = 0; i < 2; i++) {
      int64_t at = stream_due(&one->streams[i], &proxy->faults[i]);
      if (at < due) due = at;
    }
  }
  if (due == INT64_MAX) return -1;
  int64_t left = due - stream_now();
  return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

void *proxy_loop(void *argument) {
  test_proxy *proxy = (test_proxy *)argument;
  poll_set set = {NULL, 0, 0};
  pthread_mutex_lock(&proxy->lock);
  while (!proxy->stopping) {
    int timeout = prepare(proxy, &set);
    pthread_mutex_unlock(&proxy->lock);
    poll(set.events, (nfds_t)set.count, timeout);
    pthread_mutex_lock(&proxy->lock);
    uint64_t wakes = 0;
    if (happened(&set, 0) && read(proxy->wake, &wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
      test_die("eventfd failed");
    if (proxy->refusing) close_side(&proxy->unix_listener);
    serve_all(proxy, &set);
    proxy_accept(proxy);
    count_open(proxy);
    proxy->applied = proxy->wanted;
    pthread_cond_broadcast(&proxy->changed);
  }
  pthread_mutex_unlock(&proxy->lock);
  free(set.events);
  return NULL;
}
