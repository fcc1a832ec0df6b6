/* lock.h from C: every function does what its name says. */
#include <cachecore/core.h>
#include <cachecore/lock.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;
static cachecore *core;
static cachecore_error error;

static int start(void **state) {
  static const char *const plugins[] = {"lock", NULL};
  cachecore_options options;
  (void)state;
  server = test_server_start(NULL, NULL);
  cachecore_options_init(&options);
  options.url = test_server_url(server);
  options.plugins = plugins;
  options.call_timeout_ms = test_patience_ms();
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) test_die("init: %s", error.message);
  return 0;
}

static int stop(void **state) {
  (void)state;
  cachecore_close(core);
  test_server_stop(server);
  return 0;
}

static void a_lock_from_c(void **state) {
  cachecore_result *held, *second, *status;
  int64_t left, count;
  (void)state;
  assert_int_equal(cachecore_lock_acquire(core, "a", 0, 0, &held, &error), CACHECORE_OK);
  assert_int_equal(cachecore_lock_handle(held)->kind, CACHECORE_BYTES);
  assert_true(cachecore_lock_fence(held) > 0);
  assert_int_equal(cachecore_lock_field(held, "loc")->kind, CACHECORE_NIL);
  assert_int_equal(cachecore_lock_acquire(core, "a", 1000, 20, &second, &error), CACHECORE_BUSY);
  assert_null(second);
  assert_int_equal(cachecore_lock_fence(second), 0);
  assert_int_equal(cachecore_lock_extend(core, cachecore_lock_handle(held), 60000, &left, &error), CACHECORE_OK);
  assert_true(left > 0 && left <= 60000);
  assert_int_equal(cachecore_lock_status(core, "a", &status, &error), CACHECORE_OK);
  assert_int_equal(cachecore_lock_field(status, "count")->as.integer, 1);
  cachecore_result_free(status);
  assert_int_equal(cachecore_lock_release(core, cachecore_lock_handle(held), &error), CACHECORE_OK);
  assert_int_equal(cachecore_lock_release(core, cachecore_lock_handle(held), &error), CACHECORE_CONFLICT);
  assert_int_equal(cachecore_lock_extend(core, cachecore_lock_handle(held), 0, &left, &error), CACHECORE_CONFLICT);
  assert_int_equal(left, 0);
  assert_int_equal(cachecore_lock_release(core, NULL, &error), CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(cachecore_lock_force_release(core, "a", &count, &error), CACHECORE_OK);
  assert_int_equal(count, 0);
  cachecore_result_free(held);
}

static void modes_and_many_from_c(void **state) {
  cachecore_result *first, *second, *many;
  cachecore_value names[2];
  int64_t count;
  (void)state;
  assert_int_equal(cachecore_lock_acquire_as(core, "b", 0, 0, "read", 0, NULL, 0, &first, &error), CACHECORE_OK);
  assert_int_equal(cachecore_lock_acquire_as(core, "b", 0, 0, "read", 0, NULL, 0, &second, &error), CACHECORE_OK);
  cachecore_result_free(first);
  cachecore_result_free(second);
  assert_int_equal(cachecore_lock_force_release(core, "b", &count, &error), CACHECORE_OK);
  assert_int_equal(count, 2);
  assert_int_equal(cachecore_lock_acquire_as(core, "c", 0, 0, "semaphore", 1, NULL, 1, &first, &error), CACHECORE_OK);
  cachecore_result_free(first);
  assert_int_equal(cachecore_lock_acquire_as(core, "d", 0, 0, "exclusive", 0, "me", 1, &first, &error), CACHECORE_OK);
  assert_int_equal(cachecore_lock_acquire_as(core, "d", 0, 0, "exclusive", 0, "me", 1, &second, &error), CACHECORE_OK);
  assert_true(cachecore_lock_fence(first) == cachecore_lock_fence(second));
  cachecore_result_free(first);
  cachecore_result_free(second);
  names[0] = cachecore_text("e");
  names[1] = cachecore_text("f");
  assert_int_equal(cachecore_lock_acquire_many(core, names, 2, 0, 0, &many, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(many)->as.list.count, 2);
  cachecore_result_free(many);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lock_from_c),
      cmocka_unit_test(modes_and_many_from_c),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
