/* A change that went out on a connection that was lost may have been applied, whatever becomes of its repetition; and
 * a completion queue belongs to one core. */
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

/* ---- A repeated change ---- */

enum end { refused, out_of_time, cancelled };

static cachecore *core_behind(test_proxy *proxy) {
  static const char *const none[] = {NULL};
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = test_proxy_url(proxy);
  options.plugins = none;
  options.connect_timeout_ms = test_patience_ms(); /* the silence of a new connection is not what ends a call */
  options.call_timeout_ms = test_patience_ms();
  cachecore *core = NULL;
  cachecore_error error;
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) test_die("init: %s", error.message);
  return core;
}

static int is_applied(void *value) {
  char *text = test_command_text(server, "GET changed");
  const int equal = strcmp(text, value) == 0;
  free(text);
  return equal;
}

/* SET is received, its reply is not; the connection dies, and another one cannot be had. */
static void a_repeated_change_ends_uncertain(void **state) {
  (void)state;
  static char *const values[] = {"refused", "out of time", "cancelled"};
  for (enum end how = refused; how <= cancelled; how++) {
    test_proxy *proxy = test_proxy_start(server);
    cachecore *core = core_behind(proxy);
    cachecore_completions *queue = NULL;
    cachecore_error error;
    assert_int_equal(cachecore_completions_create(core, &queue, &error), CACHECORE_OK);
    assert_int_equal(cachecore_invoke(core, "redis.ping", NULL, 0, NULL, &error), CACHECORE_OK);
    test_proxy_swallow(proxy, TEST_TO_CLIENT, 1);
    const cachecore_value words[] = {cachecore_text("SET"), cachecore_text("changed"), cachecore_text(values[how])};
    const cachecore_value list = cachecore_list(words, 3);
    uint64_t operation = 0;
    assert_int_equal(cachecore_submit(core, test_method(core, "redis.command"), &list, 1, how == out_of_time ? 1000 : 0,
                                      queue, 0, &operation, &error),
                     CACHECORE_OK);
    assert_true(test_wait_until(is_applied, values[how], test_patience_ms()));
    const int64_t accepted = test_proxy_count(proxy).accepted;
    if (how == refused) {
      test_proxy_refuse(proxy, 1);
    } else {
      test_proxy_half_open(proxy, 1);
    }
    test_proxy_disconnect(proxy);
    if (how == cancelled) {
      assert_true(test_proxy_wait_accepted(proxy, accepted + 1, test_patience_ms()));
      assert_int_equal(cachecore_cancel(core, operation, &error), CACHECORE_OK);
    }
    struct pollfd readable = {.fd = cachecore_completions_fd(queue), .events = POLLIN};
    assert_int_equal(poll(&readable, 1, (int)test_patience_ms() * 2), 1);
    cachecore_completion came;
    assert_int_equal(cachecore_completions_drain(queue, &came, 1), 1);
    if (came.status != CACHECORE_UNCERTAIN)
      print_error("%s: %s\n", values[how], cachecore_result_error(came.result)->message);
    assert_int_equal(came.status, CACHECORE_UNCERTAIN);
    cachecore_result_free(came.result);
    cachecore_close(core);
    cachecore_completions_destroy(queue);
    test_proxy_stop(proxy);
  }
}

/* ---- A queue of another core ---- */

static void a_queue_belongs_to_one_core(void **state) {
  (void)state;
  cachecore *first = test_core(test_server_url(server), NULL);
  cachecore *second = test_core(test_server_url(server), NULL);
  cachecore_completions *queue = NULL;
  cachecore_error error;
  assert_int_equal(cachecore_completions_create(first, &queue, &error), CACHECORE_OK);
  assert_int_equal(cachecore_submit(second, test_method(second, "redis.ping"), NULL, 0, 0, queue, 0, NULL, &error),
                   CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "another core"));
  /* Nor is it that of a core made later, where the first one was. */
  cachecore_close(first);
  cachecore *third = test_core(test_server_url(server), NULL);
  assert_int_equal(cachecore_submit(third, test_method(third, "redis.ping"), NULL, 0, 0, queue, 0, NULL, &error),
                   CACHECORE_INVALID_ARGUMENT);
  cachecore_completions_destroy(queue);
  cachecore_close(second);
  cachecore_close(third);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_repeated_change_ends_uncertain),
      cmocka_unit_test(a_queue_belongs_to_one_core),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
