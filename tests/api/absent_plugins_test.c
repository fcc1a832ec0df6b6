/* Plugins without a file are not missed in silence: init says so in the log, and a call of their methods says where
 * they were searched and what to do. */
#include <cachecore/cachecore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

/* Init runs on the test's own thread, and so does its log. */
static char warnings[4096];

static void keep_warning(void *log_context, int32_t level, const char *message) {
  const size_t size = strlen(warnings);
  (void)log_context;
  if (level == CACHECORE_LOG_WARNING) snprintf(warnings + size, sizeof warnings - size, "%s\n", message);
}

static cachecore *open_core(const char *plugin_path, const char *const *plugins) {
  cachecore_options options;
  cachecore *core = NULL;
  cachecore_error error;
  cachecore_options_init(&options);
  options.url = "unix:///nonexistent/redis.sock";
  options.plugin_path = plugin_path;
  options.plugins = plugins;
  options.log = keep_warning;
  warnings[0] = '\0';
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) test_die("init: %s", error.message);
  return core;
}

static void assert_contains(const char *text, const char *part) {
  if (strstr(text, part) == NULL) fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void a_directory_without_plugins_is_said(void **state) {
  cachecore_error error;
  (void)state;
  assert_int_equal(unsetenv("CACHECORE_PLUGIN_PATH"), 0);
  cachecore *core = open_core("/nonexistent/plugins", NULL);
  assert_contains(warnings, "kv");
  assert_contains(warnings, "/nonexistent/plugins");
  assert_contains(warnings, "CACHECORE_PLUGIN_PATH");

  assert_int_equal(cachecore_invoke(core, "kv.get", NULL, 0, NULL, &error), CACHECORE_NO_METHOD);
  assert_contains(error.message, "kv.get");
  assert_contains(error.message, "the plugin kv is not loaded");
  assert_contains(error.message, "/nonexistent/plugins");
  assert_contains(error.message, "CACHECORE_PLUGIN_PATH");

  /* Of a plugin that is there only the method is missing. */
  assert_int_equal(cachecore_invoke(core, "redis.nothing_like_it", NULL, 0, NULL, &error), CACHECORE_NO_METHOD);
  assert_null(strstr(error.message, "not loaded"));
  cachecore_close(core);
}

static void a_plugin_that_was_not_named_is_found_and_said_how_to_load(void **state) {
  static const char *const none[] = {NULL};
  const char *path = getenv("CACHECORE_PLUGIN_PATH");
  cachecore_error error;
  (void)state;
  assert_non_null(path);
  cachecore *core = open_core(NULL, none);
  assert_string_equal(warnings, "");
  assert_int_equal(cachecore_invoke(core, "kv.get", NULL, 0, NULL, &error), CACHECORE_NO_METHOD);
  assert_contains(error.message, "the plugin kv is not loaded");
  assert_contains(error.message, "`load`");
  assert_contains(error.message, "cachecore_kv.so");
  cachecore_close(core);

  core = open_core(NULL, NULL);
  assert_string_equal(warnings, "");
  cachecore_close(core);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plugin_that_was_not_named_is_found_and_said_how_to_load),
      cmocka_unit_test(a_directory_without_plugins_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
