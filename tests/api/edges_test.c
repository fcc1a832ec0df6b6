/* Calls that send nothing, end before their children, or are given up between a change and its end; and submissions
 * from a log callback. EDGES_PLUGIN is the plugin of edges_plugin.cpp. */
#include <poll.h>

#include "api.h"

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

static cachecore *edges_core(cachecore_log_function log, void *log_context) {
  const char *const plugins[] = {getenv("EDGES_PLUGIN"), NULL};
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = test_server_url(server);
  options.plugins = plugins;
  options.log = log;
  options.log_context = log_context;
  options.call_timeout_ms = test_patience_ms();
  cachecore *core = NULL;
  cachecore_error error;
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) test_die("init: %s", error.message);
  return core;
}

static cachecore_completions *queue_of(cachecore *core) {
  cachecore_completions *queue = NULL;
  cachecore_error error;
  if (cachecore_completions_create(core, &queue, &error) != CACHECORE_OK) test_die("queue: %s", error.message);
  return queue;
}

static cachecore_completion next_completion(cachecore_completions *queue) {
  struct pollfd readable = {.fd = cachecore_completions_fd(queue), .events = POLLIN};
  cachecore_completion out;
  if (poll(&readable, 1, (int)test_patience_ms()) != 1 || cachecore_completions_drain(queue, &out, 1) != 1)
    test_die("no completion came");
  return out;
}

/* ---- Nothing to send ---- */

static const struct {
  const char *method;
  int takes_list; /* the core's own take the commands, none of them */
} empty_ones[] = {{"edges.empty_pipeline", 0},
                  {"edges.empty_transaction", 0},
                  {"edges.empty_leased", 0},
                  {"redis.pipeline", 1},
                  {"redis.transaction", 1}};
enum { empty_count = sizeof empty_ones / sizeof *empty_ones, followers = 3 };

static int64_t replies_in(const cachecore_value *value) {
  return value->kind == CACHECORE_LIST ? (int64_t)value->as.list.count : value->as.integer;
}

static void nothing_called_takes_nobodys_reply(void **state) {
  (void)state;
  const cachecore_value none = cachecore_list(NULL, 0);
  for (int i = 0; i < empty_count; i++) {
    cachecore *core = edges_core(NULL, NULL);
    for (int round = 0; round < 3; round++) {
      cachecore_result *result = NULL;
      cachecore_error error;
      const cachecore_status status =
          cachecore_invoke(core, empty_ones[i].method, &none, (size_t)empty_ones[i].takes_list, &result, &error);
      if (status != CACHECORE_OK) test_die("%s: %s", empty_ones[i].method, error.message);
      assert_int_equal(replies_in(cachecore_result_value(result)), 0);
      cachecore_result_free(result);
      for (int k = 0; k < followers; k++) {
        char unique[32];
        snprintf(unique, sizeof unique, "%d-%d-%d", i, round, k);
        const char *const words[] = {"ECHO", unique};
        if (test_redis(core, words, 2, &result, &error) != CACHECORE_OK)
          test_die("after %s: %s", empty_ones[i].method, error.message);
        assert_string_equal(cachecore_result_value(result)->as.bytes.data, unique);
        cachecore_result_free(result);
      }
    }
    cachecore_close(core);
  }
}

/* All at once, so that they share a connection. */
static void nothing_submitted_takes_nobodys_reply(void **state) {
  (void)state;
  const cachecore_value none = cachecore_list(NULL, 0);
  for (int i = 0; i < empty_count; i++) {
    cachecore *core = edges_core(NULL, NULL);
    cachecore_completions *queue = queue_of(core);
    const cachecore_method *empty = test_method(core, empty_ones[i].method);
    const cachecore_method *command = test_method(core, "redis.command");
    for (int round = 0; round < 3; round++) {
      cachecore_error error;
      if (cachecore_submit(core, empty, &none, (size_t)empty_ones[i].takes_list, 0, queue, followers, NULL, &error) !=
          CACHECORE_OK)
        test_die("%s: %s", empty_ones[i].method, error.message);
      char unique[followers][32];
      for (int k = 0; k < followers; k++) {
        snprintf(unique[k], sizeof unique[k], "%d-%d-%d", i, round, k);
        const cachecore_value words[] = {cachecore_text("ECHO"), cachecore_text(unique[k])};
        const cachecore_value list = cachecore_list(words, 2);
        if (cachecore_submit(core, command, &list, 1, 0, queue, (uint64_t)k, NULL, &error) != CACHECORE_OK)
          test_die("ECHO: %s", error.message);
      }
      for (int k = 0; k <= followers; k++) {
        const cachecore_completion came = next_completion(queue);
        if (came.status != CACHECORE_OK)
          test_die("after %s: %s", empty_ones[i].method, cachecore_result_error(came.result)->message);
        const cachecore_value *value = cachecore_result_value(came.result);
        if (came.user_data == followers) {
          assert_int_equal(replies_in(value), 0);
        } else {
          assert_string_equal(value->as.bytes.data, unique[came.user_data]);
        }
        cachecore_result_free(came.result);
      }
    }
    cachecore_close(core);
    cachecore_completions_destroy(queue);
  }
}

/* ---- Children ---- */

static void a_method_may_end_before_its_child(void **state) {
  (void)state;
  cachecore *core = edges_core(NULL, NULL);
  cachecore_completions *queue = queue_of(core);
  static const char *const names[] = {"edges.begins_and_ends", "redis.ping"};
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 2; i++) {
      cachecore_error error;
      if (cachecore_submit(core, test_method(core, names[i]), NULL, 0, 0, queue, 0, NULL, &error) != CACHECORE_OK)
        test_die("%s: %s", names[i], error.message);
      const cachecore_completion came = next_completion(queue);
      assert_int_equal(came.status, CACHECORE_OK);
      cachecore_result_free(came.result);
    }
    cachecore_result *result = NULL;
    assert_int_equal(cachecore_invoke(core, names[0], NULL, 0, &result, NULL), CACHECORE_OK);
    assert_int_equal(cachecore_result_value(result)->as.integer, 7);
    cachecore_result_free(result);
  }
  cachecore_close(core);
  cachecore_completions_destroy(queue);
}

struct speaker {
  cachecore *core;
  cachecore_completions *queue;
  const cachecore_method *ping;
  atomic_int submitted;
};

static void submit_at_speech(void *context, int32_t level, const char *message) {
  struct speaker *self = context;
  (void)level;
  if (strstr(message, "speaks") == NULL) return;
  if (cachecore_submit(self->core, self->ping, NULL, 0, 0, self->queue, 0, NULL, NULL) == CACHECORE_OK)
    atomic_fetch_add(&self->submitted, 1);
}

static void a_log_callback_may_submit_within_a_call(void **state) {
  (void)state;
  struct speaker self = {.core = NULL};
  self.core = edges_core(submit_at_speech, &self);
  self.queue = queue_of(self.core);
  self.ping = test_method(self.core, "redis.ping");
  for (int round = 1; round <= 10; round++) {
    cachecore_result *result = NULL;
    cachecore_error error;
    if (cachecore_invoke(self.core, "edges.speaks", NULL, 0, &result, &error) != CACHECORE_OK)
      test_die("edges.speaks: %s", error.message);
    assert_true(cachecore_result_value(result)->as.integer);
    cachecore_result_free(result);
    assert_int_equal(atomic_load(&self.submitted), round);
    const cachecore_completion came = next_completion(self.queue);
    assert_int_equal(came.status, CACHECORE_OK);
    cachecore_result_free(came.result);
  }
  cachecore_close(self.core);
  cachecore_completions_destroy(self.queue);
}

/* ---- A change, then the deadline ---- */

static int has_changed(void *expected) { return test_command_integer(server, "LLEN changed") == *(int64_t *)expected; }

static void a_change_before_a_slow_child_is_uncertain(void **state) {
  (void)state;
  cachecore *core = edges_core(NULL, NULL);
  cachecore_completions *queue = queue_of(core);
  const cachecore_method *method = test_method(core, "edges.changes_then_lingers");
  cachecore_error error;
  int64_t changes = 0;
  assert_int_equal(cachecore_call(core, method, NULL, 0, 1000, NULL, &error), CACHECORE_UNCERTAIN);
  changes++;
  assert_true(has_changed(&changes));
  for (int cancelled = 0; cancelled <= 1; cancelled++) {
    uint64_t operation = 0;
    assert_int_equal(cachecore_submit(core, method, NULL, 0, cancelled ? -1 : 1000, queue, 0, &operation, &error),
                     CACHECORE_OK);
    changes++;
    assert_true(test_wait_until(has_changed, &changes, test_patience_ms()));
    if (cancelled) assert_int_equal(cachecore_cancel(core, operation, &error), CACHECORE_OK);
    const cachecore_completion came = next_completion(queue);
    assert_int_equal(came.status, CACHECORE_UNCERTAIN);
    cachecore_result_free(came.result);
  }
  cachecore_close(core);
  cachecore_completions_destroy(queue);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_called_takes_nobodys_reply),
      cmocka_unit_test(nothing_submitted_takes_nobodys_reply),
      cmocka_unit_test(a_method_may_end_before_its_child),
      cmocka_unit_test(a_log_callback_may_submit_within_a_call),
      cmocka_unit_test(a_change_before_a_slow_child_is_uncertain),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
