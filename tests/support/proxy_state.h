/* proxy_state.h: what the proxy's control functions (proxy.c) and its thread (proxy_loop.c) share.
 *
 * Everything is under `lock`; the thread lets go of it only while it polls. Only the thread closes descriptors it may
 * be polling, so a control function states what it wants, wakes the thread and waits until the thread has passed once
 * more (apply). */
#ifndef CACHECORE_TESTS_PROXY_STATE_H
#define CACHECORE_TESTS_PROXY_STATE_H

#include <pthread.h>
#include <sys/socket.h>

#include "proxy_stream.h"

typedef enum connection_state {
  connection_open,
  connection_half_open, /* the server's side is gone, the client is not told */
  connection_draining,  /* both sides were told FIN; what they still send is thrown away, so that no RST overtakes the
                           FIN */
  connection_resetting  /* to be closed by RST */
} connection_state;

typedef struct connection {
  struct connection *next;
  connection_state state;
  int client, server;
  stream streams[2];              /* by direction */
  int client_index, server_index; /* in the poll set of this round, -1: not in it */
} connection;

struct test_proxy {
  char *socket, *url, *tcp_url;
  int port;
  struct sockaddr_storage upstream;
  socklen_t upstream_size;

  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int wake; /* eventfd */
  int64_t wanted, applied;
  int stopping;

  int unix_listener, tcp_listener; /* unix_listener is -1 while refusing */
  int refusing;
  int half_open;
  int hanging_up;
  test_faults faults[2];
  int cuts_left[2]; /* of a cut_limit */
  connection *connections;
  test_proxy_counts counts;
};

/* The thread's function; its argument is the proxy. */
void *proxy_loop(void *proxy);

/* Accepts all who have connected, so that what comes next applies to them too. Under the lock, in any thread. */
void proxy_accept(test_proxy *proxy);

/* Closes a connection's descriptors and frees it. Under the lock, by the thread or after its end. */
void connection_free(connection *self);

#endif
