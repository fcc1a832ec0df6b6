/* kv.h from C: every function does what its name says. */
#include <cachecore/core.h>
#include <cachecore/kv.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;
static cachecore *core;
static cachecore_error error;

static int start(void **state) {
  static const char *const plugins[] = {"kv", NULL};
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

static void assert_bytes(cachecore_status status, cachecore_result **result, const char *expected) {
  assert_int_equal(status, CACHECORE_OK);
  assert_int_equal(cachecore_result_value(*result)->kind, CACHECORE_BYTES);
  assert_string_equal(cachecore_result_value(*result)->as.bytes.data, expected);
  cachecore_result_free(*result);
}

static void strings(void **state) {
  cachecore_result *result;
  int64_t number = -7;
  (void)state;
  assert_int_equal(cachecore_kv_set(core, "k", "hello", 5, 0, &error), CACHECORE_OK);
  assert_bytes(cachecore_kv_get(core, "k", &result, &error), &result, "hello");
  assert_int_equal(cachecore_kv_get(core, "missing", &result, &error), CACHECORE_NOT_FOUND);
  assert_null(result);

  assert_int_equal(cachecore_kv_set(core, "k", "hello", 5, 60000, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_ttl(core, "k", &number, &error), CACHECORE_OK);
  assert_in_range(number, 1, 60000);
  assert_int_equal(cachecore_kv_set(core, "k", "hello", 5, -5, &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "ttl_ms"));

  assert_int_equal(cachecore_kv_set_if_absent(core, "k", "x", 1, 0, &number, &error), CACHECORE_OK);
  assert_int_equal(number, 0);
  assert_int_equal(cachecore_kv_set_if_absent(core, "once", "x", 1, 60000, &number, &error), CACHECORE_OK);
  assert_int_equal(number, 1);

  assert_int_equal(cachecore_kv_increment(core, "n", 5, 0, &number, &error), CACHECORE_OK);
  assert_int_equal(number, 5);
  assert_int_equal(cachecore_kv_increment(core, "n", -7, 0, NULL, NULL), CACHECORE_OK);
  assert_bytes(cachecore_kv_get(core, "n", &result, &error), &result, "-2");
  assert_int_equal(cachecore_kv_increment(core, "k", 1, 0, &number, &error), CACHECORE_REJECTED);
  assert_int_equal(number, 0);

  assert_int_equal(
      cachecore_kv_compare_and_set(core, "n", cachecore_int(-2), cachecore_text("new"), 0, &number, &error),
      CACHECORE_OK);
  assert_int_equal(number, 1);
  assert_int_equal(cachecore_kv_compare_and_set(core, "n", cachecore_nil(), cachecore_text("x"), 0, &number, &error),
                   CACHECORE_OK);
  assert_int_equal(number, 0);
}

static void several(void **state) {
  const cachecore_pair pairs[] = {{cachecore_text("a"), cachecore_text("1")}, {cachecore_text("b"), cachecore_int(2)}};
  const cachecore_value keys[] = {cachecore_text("b"), cachecore_text("missing"), cachecore_text("a")};
  cachecore_result *result;
  const cachecore_value *list;
  int64_t number;
  (void)state;
  assert_int_equal(cachecore_kv_set_many(core, pairs, 2, 0, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_get_many(core, keys, 3, &result, &error), CACHECORE_OK);
  list = cachecore_result_value(result);
  assert_int_equal(list->as.list.count, 3);
  assert_string_equal(list->as.list.items[0].as.bytes.data, "2");
  assert_int_equal(list->as.list.items[1].kind, CACHECORE_NIL);
  assert_string_equal(list->as.list.items[2].as.bytes.data, "1");
  cachecore_result_free(result);
  assert_int_equal(cachecore_kv_delete_many(core, keys, 3, &number, &error), CACHECORE_OK);
  assert_int_equal(number, 2);
  assert_int_equal(cachecore_kv_set_many(core, pairs, 2, 60000, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_delete_matching(core, "[ab]", &number, &error), CACHECORE_OK);
  assert_int_equal(number, 2);
}

static void json(void **state) {
  const cachecore_pair pairs[] = {{cachecore_text("a"), cachecore_int(1)}};
  cachecore_result *result;
  (void)state;
  assert_int_equal(cachecore_kv_set_json(core, "j", cachecore_map(pairs, 1), 60000, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_get_json(core, "j", NULL, &result, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(result)->as.map.pairs[0].value.as.integer, 1);
  cachecore_result_free(result);
  assert_int_equal(cachecore_kv_get_json(core, "j", "list", &result, &error), CACHECORE_CORRUPT);
  assert_null(result);
}

static void expiry(void **state) {
  int64_t number = 5;
  (void)state;
  assert_int_equal(cachecore_kv_ttl(core, "t", &number, &error), CACHECORE_NOT_FOUND);
  assert_int_equal(number, 0);
  assert_int_equal(cachecore_kv_expire(core, "t", 1000, &error), CACHECORE_NOT_FOUND);
  assert_int_equal(cachecore_kv_set(core, "t", "", 0, 0, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_expire(core, "t", 60000, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_expire(core, "t", -1, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_ttl(core, "t", &number, &error), CACHECORE_OK);
  assert_int_equal(number, -1);
  assert_int_equal(cachecore_kv_exists(core, "t", &number, &error), CACHECORE_OK);
  assert_int_equal(number, 1);
  assert_int_equal(cachecore_kv_delete(core, "t", &number, &error), CACHECORE_OK);
  assert_int_equal(number, 1);
  assert_int_equal(cachecore_kv_exists(core, "t", &number, &error), CACHECORE_OK);
  assert_int_equal(number, 0);
}

static void hashes(void **state) {
  const cachecore_pair fields[] = {{cachecore_text("b"), cachecore_text("2")}, {cachecore_text("c"), cachecore_int(3)}};
  cachecore_result *result;
  int64_t number;
  (void)state;
  assert_int_equal(cachecore_kv_hash_set(core, "h", "a", "1", 1, &number, &error), CACHECORE_OK);
  assert_int_equal(number, 1);
  assert_int_equal(cachecore_kv_hash_set_many(core, "h", fields, 2, 60000, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_hash_increment(core, "h", "c", 4, &number, &error), CACHECORE_OK);
  assert_int_equal(number, 7);
  assert_bytes(cachecore_kv_hash_get(core, "h", "c", &result, &error), &result, "7");
  assert_int_equal(cachecore_kv_hash_get_all(core, "h", &result, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(result)->kind, CACHECORE_MAP);
  assert_int_equal(cachecore_result_value(result)->as.map.count, 3);
  cachecore_result_free(result);
  assert_int_equal(cachecore_kv_hash_delete(core, "h", "a", &number, &error), CACHECORE_OK);
  assert_int_equal(number, 1);
}

static void lists(void **state) {
  cachecore_result *result;
  int64_t number;
  (void)state;
  assert_int_equal(cachecore_kv_list_push(core, "l", "b", 1, NULL, &number, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_list_push(core, "l", "a", 1, "left", &number, &error), CACHECORE_OK);
  assert_int_equal(cachecore_kv_list_push(core, "l", "b", 1, "right", &number, &error), CACHECORE_OK);
  assert_int_equal(number, 3);
  assert_int_equal(cachecore_kv_list_range(core, "l", 0, -1, &result, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(result)->as.list.count, 3);
  cachecore_result_free(result);
  assert_int_equal(cachecore_kv_list_remove(core, "l", "b", 1, -1, &number, &error), CACHECORE_OK);
  assert_int_equal(number, 1);
  assert_bytes(cachecore_kv_list_pop(core, "l", NULL, &result, &error), &result, "a");
  assert_bytes(cachecore_kv_list_pop(core, "l", "right", &result, &error), &result, "b");
  assert_int_equal(cachecore_kv_list_pop(core, "l", NULL, &result, &error), CACHECORE_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(strings), cmocka_unit_test(several), cmocka_unit_test(json),
      cmocka_unit_test(expiry),  cmocka_unit_test(hashes),  cmocka_unit_test(lists),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
