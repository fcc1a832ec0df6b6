/* client_1_0_test.c: a program built against kept_1_0.h uses today's library, with today's plugins and an old one.
 * Never changed. */
#include <stdlib.h>
#include <string.h>

#include "kept_1_0.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;

static int start(void **state) {
  (void)state;
  server = test_server_start(NULL, NULL);
  return 0;
}

static int stop(void **state) {
  (void)state;
  test_server_stop(server);
  return 0;
}

static cachecore_handle *open_core(const char *const *plugins) {
  struct {
    cachecore_options options;
    unsigned char beyond[64];
  } given;
  cachecore_handle *core = NULL;
  cachecore_error error;
  memset(&given, 0xA5, sizeof(given));
  cachecore_options_init_sized(&given.options, sizeof(given.options));
  for (size_t i = 0; i < sizeof(given.beyond); i++) assert_int_equal(given.beyond[i], 0xA5);
  assert_int_equal(given.options.struct_size, sizeof(given.options));
  given.options.url = test_server_url(server);
  given.options.plugins = plugins;
  given.options.call_timeout_ms = 7000;
  if (cachecore_init(&given.options, &core, &error) != 0) test_die("init: %s", error.message);
  return core;
}

static cachecore_value text(const char *data) {
  cachecore_value value = {.kind = 4};
  value.as.bytes.data = data;
  value.as.bytes.size = strlen(data);
  return value;
}

static void an_old_program_uses_todays_plugins(void **state) {
  static const char *const plugins[] = {"kv", NULL};
  const cachecore_value pair[] = {text("key"), text("value")};
  cachecore_handle *core = open_core(plugins);
  cachecore_result *result = NULL;
  cachecore_error error;
  (void)state;
  assert_int_equal(cachecore_invoke(core, "kv.set", pair, 2, NULL, &error), 0);
  assert_int_equal(cachecore_invoke(core, "kv.get", pair, 1, &result, &error), 0);
  assert_int_equal(cachecore_result_value(result)->kind, 4);
  assert_string_equal(cachecore_result_value(result)->as.bytes.data, "value");
  cachecore_result_free(result);
  cachecore_close(core);
}

static void an_old_plugin_runs_in_todays_library(void **state) {
  static const char *const plugins[] = {NULL};
  const cachecore_value number = {.kind = 2, .as = {.integer = 4}};
  const cachecore_value wrong = text("four");
  cachecore_handle *core = open_core(plugins);
  cachecore_result *result = NULL;
  cachecore_error error;
  (void)state;
  if (cachecore_plugin_load(core, getenv("KEPT_PLUGIN"), NULL, &error) != 0) test_die("load: %s", error.message);
  for (int round = 0; round < 2; round++) {
    assert_int_equal(cachecore_invoke(core, "kept.twice", &number, 1, &result, &error), 0);
    assert_int_equal(cachecore_result_value(result)->as.integer, 8);
    cachecore_result_free(result);
    assert_int_equal(cachecore_invoke(core, "kept.twice", NULL, 0, &result, &error), 0);
    assert_int_equal(cachecore_result_value(result)->as.integer, 42);
    cachecore_result_free(result);
    assert_int_equal(cachecore_invoke(core, "kept.twice", &wrong, 1, &result, &error), -1);
    assert_non_null(strstr(error.message, "number"));
    cachecore_result_free(result);
    assert_int_equal(cachecore_describe(core, &result, &error), 0);
    cachecore_result_free(result);
    assert_int_equal(cachecore_reset(core, &error), 0);
  }
  cachecore_close(core);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_old_program_uses_todays_plugins),
      cmocka_unit_test(an_old_plugin_runs_in_todays_library),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
