/* session.h from C: every function does what its name says. */
#include <cachecore/cachecore.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;
static cachecore *core;
static cachecore_error error;
static cachecore_result *found;

static int start(void **state) {
  static const char *const plugins[] = {"session", NULL};
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

static void assert_status(cachecore_status status, cachecore_status expected) {
  if (status != expected) print_error("%s: %s\n", cachecore_status_name(status), error.message);
  assert_int_equal(status, expected);
}

/* Keeps the id of the result, which is freed. */
static void take_id(char *out, size_t size) {
  snprintf(out, size, "%s", cachecore_session_id(found));
  cachecore_result_free(found);
}

static void a_life_in_c(void **state) {
  char id[64];
  char old[64];
  char handle[64];
  char ticket[64];
  int64_t count;
  cachecore_pair pair;
  (void)state;
  pair.key = cachecore_text("name");
  pair.value = cachecore_text("Ada");

  assert_status(cachecore_session_create(core, NULL, &pair, 1, NULL, &found, &error), CACHECORE_OK);
  assert_string_equal(cachecore_session_user(found), "");
  assert_int_equal(cachecore_session_version(found), 1);
  take_id(id, sizeof id);

  assert_status(cachecore_session_begin(core, "ada", &found, &error), CACHECORE_OK);
  snprintf(ticket, sizeof ticket, "%s", cachecore_result_value(found)->as.bytes.data);
  cachecore_result_free(found);
  assert_status(cachecore_session_log_in(core, id, "ada", ticket, &found, &error), CACHECORE_OK);
  assert_string_equal(cachecore_session_user(found), "ada");
  assert_status(cachecore_session_destroy(core, id, &count, &error), CACHECORE_OK);
  assert_int_equal(count, 0);
  take_id(id, sizeof id);

  assert_status(cachecore_session_get(core, id, &found, &error), CACHECORE_OK);
  assert_string_equal(cachecore_session_attribute(found, "name")->as.bytes.data, "Ada");
  assert_int_equal(cachecore_session_attribute(found, "names")->kind, CACHECORE_NIL);
  assert_int_equal(cachecore_session_attribute(NULL, "name")->kind, CACHECORE_NIL);
  assert_int_equal(cachecore_session_version(NULL), 0);
  assert_string_equal(cachecore_session_id(NULL), "");
  snprintf(handle, sizeof handle, "%s", cachecore_session_handle(found));
  cachecore_result_free(found);

  pair.value = cachecore_int(7);
  assert_status(cachecore_session_update(core, id, &pair, 1, 1, &count, &error), CACHECORE_OK);
  assert_int_equal(count, 2);
  assert_status(cachecore_session_update(core, id, &pair, 1, 1, &count, &error), CACHECORE_CONFLICT);
  assert_int_equal(count, 0);
  assert_status(cachecore_session_update(core, id, &pair, 1, 0, NULL, &error), CACHECORE_OK);
  assert_status(cachecore_session_refresh(core, id, &count, &error), CACHECORE_OK);
  assert_int_equal(count, 1800000);

  snprintf(old, sizeof old, "%s", id);
  assert_status(cachecore_session_regenerate(core, id, &found, &error), CACHECORE_OK);
  assert_string_not_equal(cachecore_session_id(found), old);
  assert_int_equal(cachecore_session_attribute(found, "name")->as.integer, 7);
  take_id(id, sizeof id);

  assert_status(cachecore_session_create(core, "ada", NULL, 0, NULL, &found, &error), CACHECORE_OK);
  cachecore_result_free(found);
  assert_status(cachecore_session_list(core, "ada", &found, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(found)->as.list.count, 2);
  assert_int_equal(strlen(cachecore_session_text_of(&cachecore_result_value(found)->as.list.items[0], "handle")), 46);
  cachecore_result_free(found);
  assert_status(cachecore_session_destroy_all(core, "ada", id, &count, &error), CACHECORE_OK);
  assert_int_equal(count, 1);
  assert_status(cachecore_session_count(core, "ada", &count, &error), CACHECORE_OK);
  assert_int_equal(count, 1);
  /* The handle is that of the id before the last one. */
  assert_status(cachecore_session_destroy(core, handle, &count, &error), CACHECORE_OK);
  assert_int_equal(count, 1);
  assert_status(cachecore_session_get(core, id, &found, &error), CACHECORE_NOT_FOUND);
  assert_null(found);
  assert_status(cachecore_session_create(core, "ada", NULL, 0, ticket, &found, &error), CACHECORE_CONFLICT);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_life_in_c)};
  return cmocka_run_group_tests(tests, start, stop);
}
