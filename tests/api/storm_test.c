/* Cancel and timeout storms through a proxy that delays, holds and cuts: no caller ever sees another's reply. */
#include <poll.h>

#include "api.h"

static test_server *server;
static test_proxy *proxy;

static int set_up(void **state) {
  (void)state;
  server = test_server_start(NULL, NULL);
  proxy = test_proxy_start(server);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  test_proxy_stop(proxy);
  test_server_stop(server);
  return 0;
}

struct storm {
  cachecore *core;
  const cachecore_method *method;
  atomic_long next, ok, timed_out, lost, wrong;
  atomic_int stop;
  long total;
};

/* Each call echoes a value nobody else uses. */
static void *call_with_short_deadlines(void *context) {
  struct storm *storm = context;
  for (;;) {
    const long number = atomic_fetch_add(&storm->next, 1);
    if (number >= storm->total) break;
    char text[32];
    snprintf(text, sizeof text, "value-%ld", number);
    const cachecore_value words[] = {cachecore_text("ECHO"), cachecore_text(text)};
    const cachecore_value list = cachecore_list(words, 2);
    cachecore_result *result = NULL;
    const int64_t timeout_ms = number % 3 == 0 ? 1 : number % 3 == 1 ? 3 : 50;
    const cachecore_status status = cachecore_call(storm->core, storm->method, &list, 1, timeout_ms, &result, NULL);
    if (status == CACHECORE_OK) {
      const cachecore_value *answer = cachecore_result_value(result);
      const int mine = answer->kind == CACHECORE_BYTES && strcmp(answer->as.bytes.data, text) == 0;
      atomic_fetch_add(mine ? &storm->ok : &storm->wrong, 1);
    } else if (status == CACHECORE_TIMEOUT) {
      atomic_fetch_add(&storm->timed_out, 1);
    } else if (status == CACHECORE_UNAVAILABLE || status == CACHECORE_UNCERTAIN) {
      atomic_fetch_add(&storm->lost, 1);
    } else {
      atomic_fetch_add(&storm->wrong, 1);
    }
    cachecore_result_free(result);
  }
  return NULL;
}

static int progressed(void *context) {
  long *at_least = ((void **)context)[1];
  struct storm *storm = ((void **)context)[0];
  const long now = atomic_load(&storm->next);
  return now >= *at_least || now >= storm->total;
}

static void no_caller_sees_another_ones_reply(void **state) {
  (void)state;
  enum { threads = 16 };
  struct storm storm = {.core = test_core(test_proxy_url(proxy), NULL), .total = test_length(30000, 100000)};
  storm.method = test_method(storm.core, "redis.command");
  pthread_t running[threads];
  for (int i = 0; i < threads; i++) pthread_create(&running[i], NULL, call_with_short_deadlines, &storm);
  /* The weather changes with the calls, not with the clock. */
  for (long at = 0, phase = 0; at < storm.total; at += storm.total / 40, phase++) {
    void *context[] = {&storm, &at};
    if (!test_wait_until(progressed, context, 4 * test_patience_ms())) break;
    switch (phase % 5) {
      case 0:
        test_proxy_clear(proxy);
        break;
      case 1:
        test_proxy_delay(proxy, TEST_TO_CLIENT, 2);
        break;
      case 2:
        test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
        break;
      case 3:
        test_proxy_hold(proxy, TEST_TO_CLIENT, 0); /* all late replies at once */
        test_proxy_cut_once(proxy, TEST_TO_CLIENT, 100);
        break;
      default:
        test_proxy_disconnect(proxy);
    }
  }
  test_proxy_clear(proxy);
  for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
  printf("%ld ok, %ld timed out, %ld lost their connection\n", atomic_load(&storm.ok), atomic_load(&storm.timed_out),
         atomic_load(&storm.lost));
  /* In good weather again it works as before. */
  const cachecore_status after = cachecore_invoke(storm.core, "redis.ping", NULL, 0, NULL, NULL);
  cachecore_close(storm.core);
  assert_int_equal(atomic_load(&storm.wrong), 0);
  assert_int_equal(after, CACHECORE_OK);
  assert_true(atomic_load(&storm.ok) > 0);
  assert_true(atomic_load(&storm.timed_out) > 0);
}

/* The same through the queue, with cancels, and pipelines whose every reply is told apart. */
static void cancelled_operations_do_not_shift_replies(void **state) {
  (void)state;
  cachecore *core = test_core(test_proxy_url(proxy), NULL);
  const cachecore_method *method = test_method(core, "redis.pipeline");
  cachecore_completions *queue = NULL;
  assert_int_equal(cachecore_completions_create(core, &queue, NULL), CACHECORE_OK);
  const long total = test_length(20000, 100000);
  long submitted = 0, finished = 0, cancelled = 0, wrong = 0;
  test_proxy_delay(proxy, TEST_TO_CLIENT, 1);
  while (finished < total) {
    while (submitted < total && submitted - finished < 200) {
      char text[2][32];
      snprintf(text[0], sizeof text[0], "a-%ld", submitted);
      snprintf(text[1], sizeof text[1], "b-%ld", submitted);
      const cachecore_value first[] = {cachecore_text("ECHO"), cachecore_text(text[0])};
      const cachecore_value second[] = {cachecore_text("ECHO"), cachecore_text(text[1])};
      const cachecore_value commands[] = {cachecore_list(first, 2), cachecore_list(second, 2)};
      const cachecore_value list = cachecore_list(commands, 2);
      uint64_t operation = 0;
      assert_int_equal(cachecore_submit(core, method, &list, 1, 0, queue, (uint64_t)submitted, &operation, NULL),
                       CACHECORE_OK);
      if (submitted % 3 == 0) assert_int_equal(cachecore_cancel(core, operation, NULL), CACHECORE_OK);
      submitted++;
    }
    struct pollfd watched = {.fd = cachecore_completions_fd(queue), .events = POLLIN};
    assert_int_equal(poll(&watched, 1, (int)test_patience_ms()), 1);
    cachecore_completion completions[64];
    const size_t count = cachecore_completions_drain(queue, completions, 64);
    for (size_t i = 0; i < count; i++) {
      if (completions[i].status == CACHECORE_OK) {
        const cachecore_value *replies = cachecore_result_value(completions[i].result);
        char text[2][32];
        snprintf(text[0], sizeof text[0], "a-%ld", (long)completions[i].user_data);
        snprintf(text[1], sizeof text[1], "b-%ld", (long)completions[i].user_data);
        if (strcmp(replies->as.list.items[0].as.bytes.data, text[0]) != 0) wrong++;
        if (strcmp(replies->as.list.items[1].as.bytes.data, text[1]) != 0) wrong++;
      } else if (completions[i].status == CACHECORE_CANCELLED) {
        cancelled++;
      } else {
        wrong++;
      }
      cachecore_result_free(completions[i].result);
    }
    finished += (long)count;
  }
  test_proxy_clear(proxy);
  cachecore_completions_destroy(queue);
  cachecore_close(core);
  printf("%ld operations, %ld cancelled\n", finished, cancelled);
  assert_int_equal(wrong, 0);
  assert_true(cancelled > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_caller_sees_another_ones_reply),
      cmocka_unit_test(cancelled_operations_do_not_shift_replies),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
