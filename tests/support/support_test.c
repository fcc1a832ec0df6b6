/* The support library's own tests: a test that stands on a proxy which does nothing proves nothing. */
#include "tests/support/support.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/unit.h"

static redisContext *connect_unix(const char *path) {
  struct timeval timeout = {(time_t)(test_patience_ms() / 1000), 0};
  redisContext *context = redisConnectUnixWithTimeout(path, timeout);
  assert_non_null(context);
  assert_int_equal(context->err, 0);
  redisSetTimeout(context, timeout);
  return context;
}

static redisContext *connect_tcp(int port) {
  struct timeval timeout = {(time_t)(test_patience_ms() / 1000), 0};
  redisContext *context = redisConnectWithTimeout("127.0.0.1", port, timeout);
  assert_non_null(context);
  assert_int_equal(context->err, 0);
  redisSetTimeout(context, timeout);
  return context;
}

static void assert_text(char *text, const char *expected) {
  assert_string_equal(text, expected);
  free(text);
}

static void assert_pong(redisContext *context) {
  redisReply *reply = redisCommand(context, "PING");
  assert_non_null(reply);
  assert_string_equal(reply->str, "PONG");
  freeReplyObject(reply);
}

static void a_server_answers_restarts_and_leaves_nothing(void **state) {
  (void)state;
  test_server *server =
      test_server_start_tcp(NULL, (const char *const[]){"--appendonly", "yes", "--appendfsync", "always", NULL});
  char *directory = test_format("%s", test_server_directory(server));
  assert_text(test_command_text(server, "SET %s %b", "key", "a b", (size_t)3), "OK");
  assert_text(test_command_text(server, "MGET key nothing"), "[a b, (nil)]");
  assert_text(test_command_text(server, "INCR key"), "(error) ERR value is not an integer or out of range");
  pid_t first = test_server_pid(server);
  test_server_kill(server);
  assert_int_equal(test_server_pid(server), 0);
  test_server_restart(server);
  assert_int_not_equal(test_server_pid(server), first);
  assert_text(test_command_text(server, "GET key"), "a b");
  redisContext *tcp = connect_tcp(test_server_port(server));
  assert_pong(tcp);
  redisFree(tcp);
  assert_int_equal(test_command_integer(server, "DBSIZE"), 1);
  assert_true(test_server_info(server, "connected_clients") >= 1);
  pid_t last = test_server_pid(server);
  test_server_stop(server);
  assert_int_equal(kill(last, 0), -1);
  assert_int_equal(access(directory, F_OK), -1);
  free(directory);
}

static void a_paused_server_is_silent_until_resumed(void **state) {
  (void)state;
  test_server *server = test_server_start(NULL, NULL);
  redisContext *client = connect_unix(test_server_socket(server));
  test_server_pause(server);
  struct timeval short_time = {0, 50000};
  redisSetTimeout(client, short_time);
  assert_null(redisCommand(client, "PING"));
  redisFree(client);
  test_server_resume(server);
  assert_text(test_command_text(server, "PING"), "PONG");
  test_server_stop(server);
}

static void a_server_dies_with_its_test(void **state) {
  (void)state;
  int channel[2];
  assert_int_equal(pipe(channel), 0);
  pid_t test = fork();
  if (test == 0) {
    test_server *server = test_server_start(NULL, NULL);
    struct {
      pid_t pid;
      char directory[64];
    } told;
    memset(&told, 0, sizeof(told));
    told.pid = test_server_pid(server);
    strncpy(told.directory, test_server_directory(server), sizeof(told.directory) - 1);
    if (write(channel[1], &told, sizeof(told)) < 0) _exit(1);
    pause();
  }
  struct {
    pid_t pid;
    char directory[64];
  } told;
  assert_int_equal(read(channel[0], &told, sizeof(told)), sizeof(told));
  kill(test, SIGKILL);
  waitpid(test, NULL, 0);
  assert_true(test_wait_gone(told.pid, test_patience_ms()));
  test_directory_remove(test_format("%s", told.directory));
  close(channel[0]);
  close(channel[1]);
}

typedef struct fixture {
  test_server *server;
  test_proxy *proxy;
  redisContext *client;
} fixture;

static int start_proxied(void **state, int tcp) {
  fixture *made = (fixture *)calloc(1, sizeof(*made));
  made->server = tcp ? test_server_start_tcp(NULL, NULL) : test_server_start(NULL, NULL);
  made->proxy = test_proxy_start(made->server);
  made->client = tcp ? connect_tcp(test_proxy_port(made->proxy)) : connect_unix(test_proxy_socket(made->proxy));
  *state = made;
  return 0;
}

static int start_unix(void **state) { return start_proxied(state, 0); }
static int start_tcp(void **state) { return start_proxied(state, 1); }

static int stop(void **state) {
  fixture *made = (fixture *)*state;
  redisFree(made->client);
  test_proxy_stop(made->proxy);
  test_server_stop(made->server);
  free(made);
  return 0;
}

/* "PING" as hiredis sends it, "+PONG\r\n". */
static const int64_t ping_size = 14, pong_size = 7;

static void send_ping(redisContext *client) {
  assert_int_equal(redisAppendCommand(client, "PING"), REDIS_OK);
  int done = 0;
  while (!done) assert_int_equal(redisBufferWrite(client, &done), REDIS_OK);
}

static void assert_end(redisContext *client, int reset) {
  void *reply = NULL;
  assert_int_equal(redisGetReply(client, &reply), REDIS_ERR);
  if (reset) {
    assert_int_equal(client->err, REDIS_ERR_IO);
    assert_string_equal(client->errstr, strerror(ECONNRESET));
  } else {
    assert_int_equal(client->err, REDIS_ERR_EOF);
  }
}

static void it_forwards_and_counts(void **state) {
  fixture *at = (fixture *)*state;
  for (int i = 0; i < 100; i++) assert_pong(at->client);
  char *large = (char *)malloc(5000000);
  memset(large, 'x', 5000000);
  freeReplyObject(redisCommand(at->client, "SET large %b", large, (size_t)5000000));
  redisReply *reply = redisCommand(at->client, "GET large");
  assert_int_equal(reply->len, 5000000);
  assert_memory_equal(reply->str, large, 5000000);
  freeReplyObject(reply);
  free(large);
  test_proxy_counts counts = test_proxy_count(at->proxy);
  assert_int_equal(counts.accepted, 1);
  assert_int_equal(counts.open, 1);
  assert_int_equal(counts.received[TEST_TO_SERVER], counts.delivered[TEST_TO_SERVER]);
  assert_int_equal(counts.received[TEST_TO_CLIENT], counts.delivered[TEST_TO_CLIENT]);
  redisFree(at->client);
  assert_true(test_proxy_wait_open(at->proxy, 0, test_patience_ms()));
  at->client = connect_unix(test_proxy_socket(at->proxy));
}

static void hold_keeps_and_lets_go(void **state) {
  fixture *at = (fixture *)*state;
  assert_pong(at->client);
  test_proxy_hold(at->proxy, TEST_TO_CLIENT, 1);
  send_ping(at->client);
  assert_true(test_proxy_wait_received(at->proxy, TEST_TO_CLIENT, 2 * pong_size, test_patience_ms()));
  assert_int_equal(test_proxy_count(at->proxy).delivered[TEST_TO_CLIENT], pong_size);
  test_proxy_hold(at->proxy, TEST_TO_CLIENT, 0);
  void *reply = NULL;
  assert_int_equal(redisGetReply(at->client, &reply), REDIS_OK);
  freeReplyObject(reply);
}

static void swallow_loses_requests(void **state) {
  fixture *at = (fixture *)*state;
  test_proxy_swallow(at->proxy, TEST_TO_SERVER, 1);
  send_ping(at->client);
  assert_true(test_proxy_wait_received(at->proxy, TEST_TO_SERVER, ping_size, test_patience_ms()));
  test_proxy_swallow(at->proxy, TEST_TO_SERVER, 0);
  test_proxy_counts counts = test_proxy_count(at->proxy);
  assert_int_equal(counts.swallowed[TEST_TO_SERVER], ping_size);
  assert_int_equal(counts.delivered[TEST_TO_SERVER], 0);
  assert_pong(at->client); /* the reply to this one, not to the lost one */
  assert_int_equal(test_proxy_count(at->proxy).delivered[TEST_TO_SERVER], ping_size);

  test_proxy_swallow(at->proxy, TEST_TO_CLIENT, 1);
  send_ping(at->client);
  assert_true(test_proxy_wait_received(at->proxy, TEST_TO_CLIENT, 2 * pong_size, test_patience_ms()));
  assert_int_equal(test_proxy_count(at->proxy).swallowed[TEST_TO_CLIENT], pong_size);
}

static void delay_and_drip_change_the_time_only(void **state) {
  fixture *at = (fixture *)*state;
  test_proxy_delay(at->proxy, TEST_TO_CLIENT, 30);
  int64_t before = test_now_ms();
  assert_pong(at->client);
  assert_true(test_now_ms() - before >= 29);
  test_proxy_drip(at->proxy, TEST_TO_CLIENT, 5);
  before = test_now_ms();
  assert_pong(at->client);
  assert_true(test_now_ms() - before >= (pong_size - 1) * 5 - 1);
  test_proxy_clear(at->proxy);
  assert_pong(at->client);
}

static void cut_passes_exactly_so_many_bytes(void **state) {
  fixture *at = (fixture *)*state;
  test_proxy_cut_once(at->proxy, TEST_TO_CLIENT, 3);
  send_ping(at->client);
  assert_end(at->client, 0);
  assert_int_equal(test_proxy_count(at->proxy).delivered[TEST_TO_CLIENT], 3);
  assert_int_equal(test_proxy_count(at->proxy).cut, 1);
  redisFree(at->client);
  at->client = connect_unix(test_proxy_socket(at->proxy));
  assert_pong(at->client);

  test_proxy_cut_once(at->proxy, TEST_TO_SERVER, ping_size + 5);
  assert_pong(at->client);
  send_ping(at->client);
  assert_end(at->client, 0);
  assert_int_equal(test_proxy_count(at->proxy).delivered[TEST_TO_SERVER], 3 * ping_size + 5);
  redisFree(at->client);
  at->client = connect_unix(test_proxy_socket(at->proxy));

  test_proxy_cut_once(at->proxy, TEST_TO_SERVER, 0);
  send_ping(at->client);
  assert_end(at->client, 0);
}

static void cut_goes_on_for_every_connection(void **state) {
  fixture *at = (fixture *)*state;
  test_faults faults = {.cut = 1, .cut_after = 2, .cut_resets = 1};
  test_proxy_set(at->proxy, TEST_TO_CLIENT, &faults);
  for (int i = 0; i < 3; i++) {
    send_ping(at->client);
    assert_end(at->client, 1);
    redisFree(at->client);
    at->client = connect_tcp(test_proxy_port(at->proxy));
  }
  assert_int_equal(test_proxy_count(at->proxy).cut, 3);
  test_proxy_clear(at->proxy);
  assert_pong(at->client);
}

static void reset_sends_rst(void **state) {
  fixture *at = (fixture *)*state;
  assert_pong(at->client);
  test_proxy_reset(at->proxy);
  assert_end(at->client, 1);
}

static void disconnect_sends_fin(void **state) {
  fixture *at = (fixture *)*state;
  assert_pong(at->client);
  test_proxy_disconnect(at->proxy);
  assert_end(at->client, 0);
  assert_int_equal(test_proxy_count(at->proxy).open, 0);
}

static void garbage_and_injection_reach_the_client(void **state) {
  fixture *at = (fixture *)*state;
  assert_pong(at->client);
  test_proxy_inject(at->proxy, TEST_TO_CLIENT, "+FAKE\r\n", 7);
  redisReply *reply = NULL;
  assert_int_equal(redisGetReply(at->client, (void **)&reply), REDIS_OK);
  assert_string_equal(reply->str, "FAKE");
  freeReplyObject(reply);

  test_faults faults = {.garbage = 1, .garbage_after = 1};
  test_proxy_set(at->proxy, TEST_TO_CLIENT, &faults);
  send_ping(at->client);
  char bytes[16] = "";
  size_t got = 0;
  while (got < (size_t)pong_size) {
    ssize_t size = read(at->client->fd, bytes + got, sizeof(bytes) - got);
    assert_true(size > 0);
    got += (size_t)size;
  }
  assert_int_equal(bytes[0], '+');
  for (size_t i = 1; i < (size_t)pong_size; i++) assert_int_not_equal(bytes[i], "+PONG\r\n"[i]);

  test_faults swapped = {.reorder = 1};
  test_proxy_set(at->proxy, TEST_TO_CLIENT, &swapped);
  send_ping(at->client);
  assert_int_equal(read(at->client->fd, bytes, sizeof(bytes)), pong_size);
  assert_memory_equal(bytes, "NG\r\n+PO", 7);
}

static void half_open_connections_stay_silent(void **state) {
  fixture *at = (fixture *)*state;
  assert_pong(at->client);
  test_proxy_half_open(at->proxy, 1);
  test_proxy_half_open(at->proxy, 0);
  send_ping(at->client);
  assert_true(test_proxy_wait_received(at->proxy, TEST_TO_SERVER, 2 * ping_size, test_patience_ms()));
  struct timeval short_time = {0, 50000};
  redisSetTimeout(at->client, short_time);
  void *reply = NULL;
  assert_int_equal(redisGetReply(at->client, &reply), REDIS_ERR);
  assert_int_equal(at->client->err, REDIS_ERR_IO);
  redisFree(at->client);
  assert_true(test_proxy_wait_open(at->proxy, 0, test_patience_ms()));
  at->client = connect_unix(test_proxy_socket(at->proxy));
  assert_pong(at->client);
}

static void refusing_keeps_the_port(void **state) {
  fixture *at = (fixture *)*state;
  for (int round = 0; round < 3; round++) {
    test_proxy_refuse(at->proxy, 1);
    redisContext *refused = redisConnect("127.0.0.1", test_proxy_port(at->proxy));
    assert_string_equal(refused->errstr, "Connection refused");
    redisFree(refused);
    refused = redisConnectUnix(test_proxy_socket(at->proxy));
    assert_string_equal(refused->errstr, "Connection refused");
    redisFree(refused);
    assert_pong(at->client);
    test_proxy_refuse(at->proxy, 0);
    redisContext *again = connect_tcp(test_proxy_port(at->proxy));
    assert_pong(again);
    redisFree(again);
    again = connect_unix(test_proxy_socket(at->proxy));
    assert_pong(again);
    redisFree(again);
  }
}

static void hanging_up_accepts_and_closes(void **state) {
  fixture *at = (fixture *)*state;
  for (int round = 0; round < 3; round++) {
    assert_pong(at->client);
    const int64_t accepted = test_proxy_count(at->proxy).accepted;
    test_proxy_hang_up(at->proxy, 1);
    redisContext *closed = connect_tcp(test_proxy_port(at->proxy));
    assert_end(closed, 0);
    redisFree(closed);
    assert_int_equal(test_proxy_count(at->proxy).accepted, accepted + 1);
    assert_pong(at->client);
    test_proxy_clear(at->proxy);
    redisContext *again = connect_tcp(test_proxy_port(at->proxy));
    assert_pong(again);
    redisFree(again);
  }
}

static void a_dead_server_ends_its_connections(void **state) {
  fixture *at = (fixture *)*state;
  assert_pong(at->client);
  test_server_kill(at->server);
  assert_end(at->client, 0);
  redisFree(at->client);
  test_server_restart(at->server);
  at->client = connect_unix(test_proxy_socket(at->proxy));
  assert_pong(at->client);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_server_answers_restarts_and_leaves_nothing),
      cmocka_unit_test(a_paused_server_is_silent_until_resumed),
      cmocka_unit_test(a_server_dies_with_its_test),
      cmocka_unit_test_setup_teardown(it_forwards_and_counts, start_unix, stop),
      cmocka_unit_test_setup_teardown(it_forwards_and_counts, start_tcp, stop),
      cmocka_unit_test_setup_teardown(hold_keeps_and_lets_go, start_unix, stop),
      cmocka_unit_test_setup_teardown(swallow_loses_requests, start_unix, stop),
      cmocka_unit_test_setup_teardown(delay_and_drip_change_the_time_only, start_unix, stop),
      cmocka_unit_test_setup_teardown(cut_passes_exactly_so_many_bytes, start_unix, stop),
      cmocka_unit_test_setup_teardown(cut_passes_exactly_so_many_bytes, start_tcp, stop),
      cmocka_unit_test_setup_teardown(cut_goes_on_for_every_connection, start_tcp, stop),
      cmocka_unit_test_setup_teardown(reset_sends_rst, start_tcp, stop),
      cmocka_unit_test_setup_teardown(disconnect_sends_fin, start_unix, stop),
      cmocka_unit_test_setup_teardown(disconnect_sends_fin, start_tcp, stop),
      cmocka_unit_test_setup_teardown(garbage_and_injection_reach_the_client, start_unix, stop),
      cmocka_unit_test_setup_teardown(half_open_connections_stay_silent, start_unix, stop),
      cmocka_unit_test_setup_teardown(half_open_connections_stay_silent, start_tcp, stop),
      cmocka_unit_test_setup_teardown(refusing_keeps_the_port, start_tcp, stop),
      cmocka_unit_test_setup_teardown(hanging_up_accepts_and_closes, start_tcp, stop),
      cmocka_unit_test_setup_teardown(a_dead_server_ends_its_connections, start_unix, stop),
      cmocka_unit_test_setup_teardown(a_dead_server_ends_its_connections, start_tcp, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
