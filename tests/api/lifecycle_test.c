/* init, reset and close: nothing leaks, nothing hangs, whatever runs meanwhile. */
#include <unistd.h>

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

static void init_opens_no_socket_and_starts_no_thread(void **state) {
  (void)state;
  const int before = test_open_descriptors();
  cachecore *core = test_core("unix:///nowhere/at/all.sock", NULL);
  assert_int_equal(test_open_descriptors(), before);
  cachecore_close(core);
}

static void many_cycles_leave_nothing_behind(void **state) {
  (void)state;
  const long cycles = test_length(1000, 10000);
  cachecore_close(test_core(test_server_url(server), NULL));
  const int before = test_open_descriptors();
  for (long i = 0; i < cycles; i++) {
    cachecore *core = test_core(test_server_url(server), NULL);
    if (i % 10 == 0) {
      cachecore_error error;
      if (cachecore_invoke(core, "redis.ping", NULL, 0, NULL, &error) != CACHECORE_OK) fail_msg("%s", error.message);
    }
    cachecore_close(core);
  }
  assert_int_equal(test_open_descriptors(), before);
}

static void close_null_is_a_no_op(void **state) {
  (void)state;
  cachecore_close(NULL);
  cachecore_result_free(NULL);
  cachecore_completions_destroy(NULL);
}

/* No kind of server is looked for before the first call. */
static void init_opens_no_connection(void **state) {
  (void)state;
  static const char *const urls[] = {"rediss://127.0.0.1:1", "redis+sentinel://127.0.0.1:1/mymaster",
                                     "redis+cluster://127.0.0.1:1", "redis://127.0.0.1:1",
                                     "unix:///nonexistent/socket"};
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    cachecore_options options;
    cachecore_options_init(&options);
    options.url = urls[i];
    cachecore *core = NULL;
    cachecore_error error;
    assert_int_equal(cachecore_init(&options, &core, &error), CACHECORE_OK);
    assert_int_equal(cachecore_invoke(core, "redis.ping", NULL, 0, NULL, &error), CACHECORE_UNAVAILABLE);
    cachecore_close(core);
  }
}

/* ---- reset and close under load ---- */

struct load {
  cachecore *core;
  atomic_int stop;
  atomic_long calls, ok, unexpected;
  atomic_int bad_status;
};

static void *call_until_stopped(void *context) {
  struct load *load = context;
  static _Atomic unsigned next;
  const unsigned self = atomic_fetch_add(&next, 1);
  for (unsigned i = 0; !atomic_load(&load->stop); i++) {
    char value[64];
    snprintf(value, sizeof value, "%u-%u", self, i);
    const cachecore_value words[] = {cachecore_text("ECHO"), cachecore_text(value)};
    const cachecore_value list = cachecore_list(words, 2);
    cachecore_result *result = NULL;
    const cachecore_status status = cachecore_invoke(load->core, "redis.command", &list, 1, &result, NULL);
    atomic_fetch_add(&load->calls, 1);
    if (status == CACHECORE_OK) {
      const cachecore_value *answer = cachecore_result_value(result);
      if (answer->kind == CACHECORE_BYTES && strcmp(answer->as.bytes.data, value) == 0) {
        atomic_fetch_add(&load->ok, 1);
      } else {
        atomic_fetch_add(&load->unexpected, 1);
      }
    } else if (status != CACHECORE_UNAVAILABLE && status != CACHECORE_UNCERTAIN && status != CACHECORE_CLOSED) {
      atomic_store(&load->bad_status, status);
      atomic_fetch_add(&load->unexpected, 1);
    }
    cachecore_result_free(result);
    if (status == CACHECORE_CLOSED) break;
  }
  return NULL;
}

static int has_more_calls(void *context) {
  long *wanted = ((void **)context)[1];
  return atomic_load(&((struct load *)((void **)context)[0])->ok) >= *wanted;
}

static void resets_under_load(void **state) {
  (void)state;
  enum { threads = 8 };
  struct load load = {.core = test_core(test_server_url(server), NULL)};
  pthread_t running[threads];
  for (int i = 0; i < threads; i++) pthread_create(&running[i], NULL, call_until_stopped, &load);
  const long resets = test_length(60, 1000);
  int failed = 0;
  for (long i = 0; i < resets; i++) {
    long wanted = atomic_load(&load.ok) + 10;
    void *context[] = {&load, &wanted};
    if (!test_wait_until(has_more_calls, context, test_patience_ms())) failed = 1;
    cachecore_error error;
    if (cachecore_reset(load.core, &error) != CACHECORE_OK) failed = 1;
  }
  atomic_store(&load.stop, 1);
  for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
  cachecore_close(load.core);
  assert_false(failed);
  assert_int_equal(atomic_load(&load.bad_status), 0);
  assert_int_equal(atomic_load(&load.unexpected), 0);
  assert_true(atomic_load(&load.ok) >= resets * 10);
}

/* Calls that wait for something that never comes end with CLOSED. */
struct never {
  cachecore *core;
  const cachecore_method *method;
  atomic_int waiting;
  cachecore_status status;
};

static void *wait_for_ever(void *context) {
  struct never *never = context;
  atomic_fetch_add(&never->waiting, 1);
  never->status = cachecore_call(never->core, never->method, NULL, 0, -1, NULL, NULL);
  return NULL;
}

struct expected_calls {
  cachecore *core;
  int64_t at_least;
};

static int calls_inside(void *context) {
  const struct expected_calls *expected = context;
  cachecore_result *result = NULL;
  if (cachecore_invoke(expected->core, "core.stats", NULL, 0, &result, NULL) != CACHECORE_OK) return 0;
  const cachecore_value *stats = cachecore_result_value(result);
  int64_t calls = 0;
  for (size_t i = 0; i < stats->as.map.count; i++) {
    if (strcmp(stats->as.map.pairs[i].key.as.bytes.data, "calls") == 0) calls = stats->as.map.pairs[i].value.as.integer;
  }
  cachecore_result_free(result);
  return calls > expected->at_least; /* one more: core.stats itself */
}

static void a_blocked_call_ends_with_closed(void **state) {
  (void)state;
  const char *const plugins[] = {conformance_plugin(), NULL};
  struct never never = {.core = test_core(test_server_url(server), plugins)};
  never.method = test_method(never.core, "conformance.never");
  pthread_t thread;
  pthread_create(&thread, NULL, wait_for_ever, &never);
  struct expected_calls expected = {never.core, 1};
  const int inside = test_wait_until(calls_inside, &expected, test_patience_ms());
  cachecore_close(never.core);
  pthread_join(thread, NULL);
  assert_true(inside);
  assert_int_equal(never.status, CACHECORE_CLOSED);
}

struct popper {
  cachecore *core;
  const cachecore_method *method;
  char key[32];
  cachecore_status status;
};

static void *pop_for_ever(void *context) {
  struct popper *popper = context;
  const cachecore_value words[] = {cachecore_text("BLPOP"), cachecore_text(popper->key), cachecore_int(0)};
  const cachecore_value list = cachecore_list(words, 3);
  popper->status = cachecore_call(popper->core, popper->method, &list, 1, -1, NULL, NULL);
  return NULL;
}

/* Close runs while all threads are inside, each in the server on a connection of its own. */
static void close_while_in_use_completes_every_call(void **state) {
  (void)state;
  enum { threads = 8 };
  const long rounds = test_length(10, 300);
  for (long round = 0; round < rounds; round++) {
    cachecore *core = test_core(test_server_url(server), NULL);
    struct popper poppers[threads];
    pthread_t running[threads];
    for (int i = 0; i < threads; i++) {
      poppers[i] = (struct popper){.core = core, .method = test_method(core, "redis.command")};
      snprintf(poppers[i].key, sizeof poppers[i].key, "nothing-%d", i);
      pthread_create(&running[i], NULL, pop_for_ever, &poppers[i]);
    }
    struct expected_calls expected = {core, threads};
    const int inside = test_wait_until(calls_inside, &expected, test_patience_ms());
    cachecore_close(core);
    for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
    assert_true(inside);
    for (int i = 0; i < threads; i++) assert_int_equal(poppers[i].status, CACHECORE_CLOSED);
  }
}

static void submitted_operations_end_with_closed(void **state) {
  (void)state;
  const char *const plugins[] = {conformance_plugin(), NULL};
  cachecore *core = test_core(test_server_url(server), plugins);
  cachecore_completions *queue = NULL;
  assert_int_equal(cachecore_completions_create(core, &queue, NULL), CACHECORE_OK);
  const cachecore_method *never = test_method(core, "conformance.never");
  enum { count = 50 };
  for (uint64_t i = 0; i < count; i++) {
    assert_int_equal(cachecore_submit(core, never, NULL, 0, -1, queue, i, NULL, NULL), CACHECORE_OK);
  }
  cachecore_close(core);
  cachecore_completion completions[count + 1];
  assert_int_equal(cachecore_completions_drain(queue, completions, count + 1), count);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(completions[i].status, CACHECORE_CLOSED);
    assert_non_null(cachecore_result_error(completions[i].result));
    cachecore_result_free(completions[i].result);
  }
  cachecore_completions_destroy(queue);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(init_opens_no_socket_and_starts_no_thread),
      cmocka_unit_test(many_cycles_leave_nothing_behind),
      cmocka_unit_test(close_null_is_a_no_op),
      cmocka_unit_test(init_opens_no_connection),
      cmocka_unit_test(resets_under_load),
      cmocka_unit_test(close_while_in_use_completes_every_call),
      cmocka_unit_test(a_blocked_call_ends_with_closed),
      cmocka_unit_test(submitted_operations_end_with_closed),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
