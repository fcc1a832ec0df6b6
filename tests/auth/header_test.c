/* auth.h from C: every function does what its name says. */
#include <cachecore/auth.h>
#include <cachecore/core.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;
static cachecore *core;
static cachecore_error error;

static int start(void **state) {
  static const char *const plugins[] = {"auth", NULL};
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

#define assert_ok(expression) assert_int_equal((expression), CACHECORE_OK)

static void a_sign_in_from_begin_to_end(void **state) {
  cachecore_result *ticket;
  cachecore_result *made;
  cachecore_result *found;
  const char *token;
  int64_t number = -1;
  (void)state;
  assert_ok(cachecore_auth_begin(core, "ada", &ticket, &error));
  assert_ok(cachecore_auth_issue(core, "ada", cachecore_text("admin"), 60000, "phone", 3,
                                 cachecore_result_value(ticket)->as.bytes.data, NULL, &made, &error));
  cachecore_result_free(ticket);
  token = cachecore_auth_text(made, "token");
  assert_non_null(token);
  assert_ok(cachecore_auth_verify(core, token, strlen(token), &found, &error));
  assert_string_equal(cachecore_auth_text(found, "user_id"), "ada");
  assert_string_equal(cachecore_auth_text(found, "metadata"), "admin");
  assert_string_equal(cachecore_auth_text(found, "device"), "phone");
  assert_int_equal(cachecore_auth_number(found, "expires_at") - cachecore_auth_number(found, "created_at"), 60000);
  assert_int_equal(cachecore_auth_number(found, "pair"), 0);
  assert_null(cachecore_auth_text(found, "created_at"));
  assert_null(cachecore_auth_field(found, "nothing"));
  assert_int_equal(cachecore_auth_number(NULL, "pair"), 0);
  cachecore_result_free(found);
  assert_ok(cachecore_auth_expire(core, token, strlen(token), 30000, &number, &error));
  assert_true(number > 0 && number < cachecore_auth_number(made, "expires_at"));
  assert_ok(cachecore_auth_list(core, "ada", &found, &error));
  assert_int_equal(cachecore_result_value(found)->as.list.count, 1);
  cachecore_result_free(found);
  assert_ok(cachecore_auth_revoke(core, token, strlen(token), "bob", &number, &error));
  assert_int_equal(number, 0);
  assert_ok(cachecore_auth_revoke(core, token, strlen(token), NULL, &number, &error));
  assert_int_equal(number, 1);
  assert_int_equal(cachecore_auth_verify(core, token, strlen(token), &found, &error), CACHECORE_NOT_FOUND);
  cachecore_result_free(found);
  cachecore_result_free(made);
}

static void a_pair_and_its_successor(void **state) {
  cachecore_result *pair;
  cachecore_result *next;
  const char *refresh;
  int64_t ended = -1;
  (void)state;
  assert_ok(cachecore_auth_issue_pair(core, "ada", cachecore_nil(), 60000, 120000, NULL, 0, NULL, &pair, &error));
  refresh = cachecore_auth_text(pair, "refresh_token");
  assert_int_equal(cachecore_auth_number(pair, "refresh_expires_at") - cachecore_auth_number(pair, "expires_at"),
                   60000);
  assert_ok(cachecore_auth_rotate(core, refresh, strlen(refresh), &next, &error));
  assert_string_not_equal(cachecore_auth_text(next, "refresh_token"), refresh);
  assert_ok(cachecore_auth_revoke_all(core, "ada", cachecore_auth_text(next, "handle"), &ended, &error));
  assert_int_equal(ended, 0);
  assert_ok(cachecore_auth_revoke_all(core, "ada", NULL, &ended, &error));
  assert_int_equal(ended, 1);
  cachecore_result_free(next);
  cachecore_result_free(pair);
}

static void a_callers_token(void **state) {
  static const char *const token = "a token that its caller made";
  cachecore_result *made;
  (void)state;
  assert_ok(cachecore_auth_issue(core, "ada", cachecore_nil(), 0, NULL, 0, NULL, token, &made, &error));
  assert_string_equal(cachecore_auth_text(made, "token"), token);
  cachecore_result_free(made);
}

static void an_attempt(void **state) {
  cachecore_result *counted;
  (void)state;
  assert_ok(cachecore_auth_attempt(core, "address:203.0.113.7", 2, 3600000, &counted, &error));
  assert_int_equal(cachecore_auth_number(counted, "allowed"), 1);
  assert_int_equal(cachecore_auth_number(counted, "remaining"), 1);
  cachecore_result_free(counted);
}

static void a_failure_leaves_nothing(void **state) {
  cachecore_result *result = NULL;
  int64_t number = -1;
  (void)state;
  assert_int_equal(cachecore_auth_expire(core, "x", 1, 0, &number, &error), CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(number, 0);
  assert_int_equal(cachecore_auth_rotate(core, "x", 1, &result, &error), CACHECORE_NOT_FOUND);
  cachecore_result_free(result);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_sign_in_from_begin_to_end),
      cmocka_unit_test(a_pair_and_its_successor),
      cmocka_unit_test(a_callers_token),
      cmocka_unit_test(an_attempt),
      cmocka_unit_test(a_failure_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
