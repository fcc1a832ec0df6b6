/* wrong_plugins_test.c: what cannot be loaded is refused with its reason, and the core goes on; and values that are too
 * large for any server never reach one. */
#include <cachecore/cachecore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

/* WRONG_PLUGINS: their directory; cachecore_wrong_<what>.so. */
static char *path_of(const char *what) {
  return test_format("%s/cachecore_wrong_%s.so", getenv("WRONG_PLUGINS"), what);
}

static cachecore *open_core(const char *plugin) {
  static const char *plugins[] = {NULL, NULL};
  cachecore_options options;
  cachecore *core = NULL;
  cachecore_error error;
  plugins[0] = plugin;
  cachecore_options_init(&options);
  options.url = "unix:///nonexistent/redis.sock";
  options.plugins = plugins;
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) test_die("init: %s", error.message);
  return core;
}

static void works(cachecore *core) {
  const cachecore_value text = cachecore_text("x");
  cachecore_error error;
  assert_int_equal(cachecore_invoke(core, "core.log", &text, 1, NULL, &error), CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(cachecore_invoke(core, "wrong.method", NULL, 0, NULL, &error), CACHECORE_NO_METHOD);
}

static void each_is_refused_with_its_reason(void **state) {
  static const struct {
    const char *what;
    cachecore_status status;
    const char *reason;
  } cases[] = {
      {"major", CACHECORE_INCOMPATIBLE, "built for plugin ABI 2.0"},
      {"minor", CACHECORE_INCOMPATIBLE, "built for plugin ABI 1.999"},
      {"descriptor", CACHECORE_INCOMPATIBLE, "returned NULL"},
      {"entry", CACHECORE_INCOMPATIBLE, "does not export cachecore_plugin_entry_v1"},
      {"size", CACHECORE_INCOMPATIBLE, "struct_size is 40"},
      {"name", CACHECORE_INCOMPATIBLE, "[a-z][a-z0-9_]*"},
      {"needs", CACHECORE_INCOMPATIBLE, "teleport/1"},
      {"create", CACHECORE_DENIED, "the moon is not full"},
      {"method", CACHECORE_INCOMPATIBLE, "method 0"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char *path = path_of(cases[i].what);
    const char *plugins[] = {path, NULL};
    cachecore_options options;
    cachecore_error error;
    cachecore *none = NULL;
    cachecore *core = open_core(NULL);
    /* Into a core that is there already, again and again ... */
    for (int round = 0; round < 3; round++) {
      const cachecore_status status = cachecore_plugin_load(core, path, NULL, &error);
      if (status != cases[i].status || strstr(error.message, cases[i].reason) == NULL)
        print_error("%s: %s: %s\n", cases[i].what, cachecore_status_name(status), error.message);
      assert_int_equal(status, cases[i].status);
      assert_int_equal(error.status, cases[i].status);
      assert_non_null(strstr(error.message, cases[i].reason));
      works(core);
    }
    cachecore_close(core);
    /* ... and at init, which then makes no core. */
    cachecore_options_init(&options);
    options.plugins = plugins;
    assert_int_equal(cachecore_init(&options, &none, &error), cases[i].status);
    assert_null(none);
    assert_non_null(strstr(error.message, cases[i].reason));
    free(path);
  }
}

static void what_is_right_loads_beside_it(void **state) {
  char *path = path_of("nothing");
  cachecore *core = open_core(NULL);
  cachecore_error error;
  (void)state;
  assert_int_equal(cachecore_plugin_load(core, path, NULL, &error), CACHECORE_OK);
  assert_int_equal(cachecore_plugin_load(core, path, "{\"moon\": 1}", &error), CACHECORE_INVALID_STATE);
  cachecore_close(core);
  core = open_core(NULL);
  assert_int_equal(cachecore_plugin_load(core, path, "{\"moon\": 1}", &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "moon"));
  assert_int_equal(cachecore_plugin_load(core, path, "{\"moon\"", &error), CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(cachecore_plugin_load(core, path, NULL, &error), CACHECORE_OK);
  cachecore_close(core);
  free(path);
}

static void what_is_no_library_is_refused(void **state) {
  char *directory = test_directory();
  char *path = test_format("%s/cachecore_wrong.so", directory);
  cachecore *core = open_core(NULL);
  cachecore_error error;
  FILE *file = fopen(path, "w");
  (void)state;
  if (file == NULL) test_die("cannot write %s", path);
  fputs("no ELF file", file);
  fclose(file);
  assert_int_equal(cachecore_plugin_load(core, path, NULL, &error), CACHECORE_NO_PLUGIN);
  assert_non_null(strstr(error.message, path));
  works(core);
  cachecore_close(core);
  free(path);
  test_directory_remove(directory);
}

/* The memory is promised, not there: only its size is looked at. */
static void a_value_above_512_mib_is_refused_before_it_is_sent(void **state) {
  const size_t size = ((size_t)512 << 20) + 1;
  void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  cachecore *core = open_core("kv");
  const cachecore_value large = cachecore_bytes(data, size);
  const cachecore_value within[] = {cachecore_text("a"), large};
  const cachecore_value set[] = {cachecore_text("key"), large};
  const cachecore_value push[] = {cachecore_text("key"), cachecore_list(within, 2)};
  cachecore_error error;
  (void)state;
  assert_true(data != MAP_FAILED);
  assert_int_equal(cachecore_invoke(core, "kv.set", set, 2, NULL, &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "kv.set: value has 536870913 bytes"));
  assert_int_equal(cachecore_invoke(core, "kv.list_push", push, 2, NULL, &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "536870913"));
  cachecore_close(core);
  munmap(data, size);
}

static void keys_are_checked(void **state) {
  cachecore *core = open_core("kv");
  cachecore_error error;
  char longest[65537];
  (void)state;
  memset(longest, 'k', sizeof(longest));
  const struct {
    cachecore_value key;
    const char *reason;
  } cases[] = {
      {cachecore_bytes("", 0), "must not be empty"},
      {cachecore_text("two\nlines"), "newline at offset 3"},
      {cachecore_text("two\rlines"), "carriage return at offset 3"},
      {cachecore_bytes("nul\0", 4), "NUL byte at offset 3"},
      {cachecore_bytes(longest, sizeof(longest)), "65537 bytes"},
      {cachecore_int(7), "INT"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_int_equal(cachecore_invoke(core, "kv.get", &cases[i].key, 1, NULL, &error), CACHECORE_INVALID_ARGUMENT);
    if (strstr(error.message, cases[i].reason) == NULL) print_error("%s\n", error.message);
    assert_non_null(strstr(error.message, cases[i].reason));
    assert_non_null(strstr(error.message, "kv.get: key"));
  }
  cachecore_close(core);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_is_refused_with_its_reason),
      cmocka_unit_test(what_is_right_loads_beside_it),
      cmocka_unit_test(what_is_no_library_is_refused),
      cmocka_unit_test(a_value_above_512_mib_is_refused_before_it_is_sent),
      cmocka_unit_test(keys_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
