/* A leased connection that is lost takes with it what it was told. EDGES_PLUGIN is the plugin of edges_plugin.cpp. */
#include <poll.h>

#include "api.h"

/* A method on its way, as one calls it or as one submits it. */
struct running {
  cachecore *core;
  const cachecore_method *method;
  int called;
  pthread_t thread;
  cachecore_completions *queue;
  cachecore_status status;
  cachecore_result *result;
  cachecore_error error;
};

static test_server *server;

static int set_up(void **state) {
  (void)state;
  server = test_server_start(NULL, NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  test_server_stop(server);
  return 0;
}

static void *call_it(void *context) {
  struct running *self = context;
  self->status = cachecore_call(self->core, self->method, NULL, 0, -1, &self->result, &self->error);
  return NULL;
}

static void start(struct running *self, const char *method, int called) {
  const char *const plugins[] = {getenv("EDGES_PLUGIN"), NULL};
  memset(self, 0, sizeof *self);
  self->core = test_core(test_server_url(server), plugins);
  self->method = test_method(self->core, method);
  self->called = called;
  cachecore_error error;
  if (called) {
    if (pthread_create(&self->thread, NULL, call_it, self) != 0) test_die("no thread");
  } else if (cachecore_completions_create(self->core, &self->queue, &error) != CACHECORE_OK ||
             cachecore_submit(self->core, self->method, NULL, 0, -1, self->queue, 0, NULL, &error) != CACHECORE_OK) {
    test_die("%s: %s", method, error.message);
  }
}

static void finish(struct running *self) {
  if (self->called) {
    pthread_join(self->thread, NULL);
    return;
  }
  struct pollfd readable = {.fd = cachecore_completions_fd(self->queue), .events = POLLIN};
  cachecore_completion came;
  if (poll(&readable, 1, (int)test_patience_ms()) != 1 || cachecore_completions_drain(self->queue, &came, 1) != 1)
    test_die("no completion came");
  self->status = came.status;
  self->result = came.result;
  if (cachecore_result_error(came.result) != NULL) self->error = *cachecore_result_error(came.result);
}

static void discard(struct running *self) {
  cachecore_result_free(self->result);
  cachecore_close(self->core);
  cachecore_completions_destroy(self->queue);
}

/* The method waits at its gate; the id of its connection. */
static int64_t reached(void) {
  char *popped = test_command_text(server, "BLPOP reached 0"); /* [reached, id] */
  const char *number = strchr(popped, ' ');
  if (number == NULL) test_die("BLPOP: %s", popped);
  const int64_t id = strtoll(number, NULL, 10);
  free(popped);
  return id;
}

static int is_at_gate(void *none) {
  (void)none;
  return test_server_info(server, "blocked_clients") == 1;
}

static void kill_connection(int64_t id) {
  assert_true(test_wait_until(is_at_gate, NULL, test_patience_ms()));
  assert_int_equal(test_command_integer(server, "CLIENT KILL ID %lld", (long long)id), 1);
}

static void assert_text(const char *expected, const char *command) {
  char *text = test_command_text(server, command);
  assert_string_equal(text, expected);
  free(text);
}

static void what_was_watched_is_lost_with_the_connection(void **state) {
  (void)state;
  for (int called = 0; called <= 1; called++) {
    struct running run;
    assert_text("OK", "SET watched theirs");
    start(&run, "edges.checked_set", called);
    kill_connection(reached());
    assert_text("OK", "SET watched changed");
    assert_text("1", "RPUSH gate open");
    finish(&run);
    assert_int_equal(run.status, CACHECORE_UNAVAILABLE);
    assert_text("changed", "GET watched");
    discard(&run);
  }
}

static void a_connection_that_lives_is_told_all(void **state) {
  (void)state;
  for (int called = 0; called <= 1; called++) {
    for (int disturbed = 0; disturbed <= 1; disturbed++) {
      struct running run;
      assert_text("OK", "SET watched theirs");
      start(&run, "edges.checked_set", called);
      (void)reached();
      if (disturbed) assert_text("OK", "SET watched changed");
      assert_text("1", "RPUSH gate open");
      finish(&run);
      assert_int_equal(run.status, CACHECORE_OK);
      assert_string_equal(cachecore_result_value(run.result)->as.bytes.data, disturbed ? "aborted" : "applied");
      assert_text(disturbed ? "changed" : "mine", "GET watched");
      discard(&run);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_watched_is_lost_with_the_connection),
      cmocka_unit_test(a_connection_that_lives_is_told_all),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
