/* cache.h from C: every function does what its name says. */
#include <cachecore/cache.h>
#include <cachecore/core.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;
static cachecore *core;
static cachecore_error error;
static cachecore_result *found;

static int start(void **state) {
  static const char *const plugins[] = {"cache", NULL};
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

/* A source with one value, and how often it was asked. */
typedef struct source {
  const char *value; /* NULL: it fails */
  const char *why;
  cachecore_status status; /* instead of OK */
  atomic_int asked;
} source;

static cachecore_status ask(void *context, cachecore_value *value, cachecore_error *failed) {
  source *self = context;
  self->asked++;
  if (self->status != CACHECORE_OK) return self->status;
  if (self->value == NULL) {
    if (self->why != NULL) snprintf(failed->message, sizeof failed->message, "%s", self->why);
    return CACHECORE_INTERNAL;
  }
  *value = cachecore_text(self->value);
  return CACHECORE_OK;
}

static void assert_value(const char *state, const char *expected) {
  assert_string_equal(cachecore_cache_state(found), state);
  assert_int_equal(cachecore_cache_value(found)->kind, CACHECORE_BYTES);
  assert_string_equal(cachecore_cache_value(found)->as.bytes.data, expected);
  cachecore_result_free(found);
}

static void the_lease_protocol(void **state) {
  int64_t kept = -7;
  (void)state;
  assert_int_equal(cachecore_cache_lookup(core, "r", "protocol", &found, &error), CACHECORE_OK);
  assert_string_equal(cachecore_cache_state(found), "load");
  assert_int_equal(cachecore_cache_value(found)->kind, CACHECORE_NIL);
  assert_int_equal(cachecore_cache_age_ms(found), -1);
  assert_int_equal(
      cachecore_cache_store(core, cachecore_cache_lease(found), cachecore_text("value"), 60000, &kept, &error),
      CACHECORE_OK);
  assert_int_equal(kept, 1);
  assert_int_equal(cachecore_cache_store(core, cachecore_cache_lease(found), cachecore_text("again"), 0, &kept, &error),
                   CACHECORE_CONFLICT);
  assert_int_equal(kept, 0);
  cachecore_result_free(found);

  assert_int_equal(cachecore_cache_lookup(core, "r", "protocol", &found, &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_lease(found)->kind, CACHECORE_NIL);
  assert_in_range(cachecore_cache_age_ms(found), 0, test_patience_ms());
  assert_value("hit", "value");

  assert_int_equal(cachecore_cache_lookup(core, "r", "failing", &found, &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_fail(core, cachecore_cache_lease(found), "no reason", &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_fail(core, cachecore_cache_lease(found), NULL, &error), CACHECORE_CONFLICT);
  assert_int_equal(cachecore_cache_fail(core, NULL, "no reason", &error), CACHECORE_INVALID_ARGUMENT);
  cachecore_result_free(found);
}

static void without_loading(void **state) {
  const cachecore_pair policy[] = {{cachecore_text("ttl_ms"), cachecore_int(60000)}};
  int64_t existed = -7;
  (void)state;
  assert_int_equal(cachecore_cache_define(core, "direct", policy, 1, &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_get(core, "direct", "k", &found, &error), CACHECORE_NOT_FOUND);
  assert_null(found);
  assert_int_equal(cachecore_cache_set(core, "direct", "k", cachecore_int(5), 0, &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_get(core, "direct", "k", &found, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(found)->as.integer, 5);
  cachecore_result_free(found);
  assert_int_equal(cachecore_cache_delete(core, "direct", "k", &existed, &error), CACHECORE_OK);
  assert_int_equal(existed, 1);
  assert_int_equal(cachecore_cache_delete(core, "direct", "k", NULL, NULL), CACHECORE_OK);
  assert_int_equal(cachecore_cache_set(core, "direct", "k", cachecore_int(5), 60000, &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_invalidate(core, "direct", "*", &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_get(core, "direct", "k", &found, &error), CACHECORE_NOT_FOUND);
}

static void get_or_load(void **state) {
  source users = {.value = "Ada"};
  source none = {.status = CACHECORE_NOT_FOUND};
  (void)state;
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "1", ask, &users, &found, &error), CACHECORE_OK);
  assert_value("loaded", "Ada");
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "1", ask, &users, &found, &error), CACHECORE_OK);
  assert_value("hit", "Ada");
  assert_int_equal(users.asked, 1);

  /* What does not exist is known not to exist. */
  for (int i = 0; i < 2; i++) {
    assert_int_equal(cachecore_cache_get_or_load(core, "users", "2", ask, &none, &found, &error), CACHECORE_OK);
    assert_int_equal(cachecore_cache_value(found)->kind, CACHECORE_NIL);
    cachecore_result_free(found);
  }
  assert_int_equal(none.asked, 1);

  assert_int_equal(cachecore_cache_get_or_load(core, "users", "1", NULL, NULL, &found, &error),
                   CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "1", ask, &users, NULL, &error),
                   CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "a\nb", ask, &users, &found, &error),
                   CACHECORE_INVALID_ARGUMENT);
  assert_null(found);
}

static void a_loader_that_fails(void **state) {
  const cachecore_pair policy[] = {{cachecore_text("ttl_ms"), cachecore_int(1)},
                                   {cachecore_text("stale_ms"), cachecore_int(600000)}};
  source away = {.why = "the database is away"};
  source silent = {.value = NULL};
  source right = {.value = "value"};
  (void)state;
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "3", ask, &away, &found, &error),
                   CACHECORE_LOADER_FAILED);
  assert_null(found);
  assert_string_equal(error.message, "the database is away");
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "3", ask, &silent, &found, &error),
                   CACHECORE_LOADER_FAILED);
  assert_string_equal(error.message, "the loader failed");
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "3", ask, &silent, &found, NULL),
                   CACHECORE_LOADER_FAILED);

  /* The stale value is served instead. */
  assert_int_equal(cachecore_cache_define(core, "stale", policy, 2, &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_get_or_load(core, "stale", "k", ask, &right, &found, &error), CACHECORE_OK);
  cachecore_result_free(found);
  do {
    assert_int_equal(cachecore_cache_get_or_load(core, "stale", "k", ask, &away, &found, &error), CACHECORE_OK);
    assert_string_equal(cachecore_cache_value(found)->as.bytes.data, "value");
    if (away.asked == 1) cachecore_result_free(found);
  } while (away.asked == 1);
  /* It says how old it is, has no lease that somebody might end, and tells why it was served. */
  assert_in_range(cachecore_cache_age_ms(found), 1, test_patience_ms());
  assert_int_equal(cachecore_cache_lease(found)->kind, CACHECORE_NIL);
  assert_value("stale", "value");
  assert_int_equal(error.status, CACHECORE_LOADER_FAILED);
  assert_string_equal(error.message, "the database is away");
  assert_int_equal(cachecore_cache_get_or_load(core, "stale", "k", ask, &away, &found, NULL), CACHECORE_OK);
  assert_value("stale", "value");
}

static void whatever_a_loader_answers_else_is_a_failure(void **state) {
  static const cachecore_status answers[] = {2, CACHECORE_TIMEOUT, CACHECORE_INVALID_ARGUMENT, CACHECORE_FORKED, -1000};
  (void)state;
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    source odd = {.status = answers[i]};
    assert_int_equal(cachecore_cache_get_or_load(core, "users", "odd", ask, &odd, &found, &error),
                     CACHECORE_LOADER_FAILED);
    assert_int_equal(error.status, CACHECORE_LOADER_FAILED);
    assert_null(found);
    assert_int_equal(odd.asked, 1);
  }
}

static cachecore_status ask_another_key(void *context, cachecore_value *value, cachecore_error *failed) {
  cachecore_result **kept = context;
  source inner = {.value = "inner"};
  cachecore_status status = cachecore_cache_get_or_load(core, "users", "inner", ask, &inner, kept, failed);
  if (status == CACHECORE_OK) *value = *cachecore_cache_value(*kept);
  return status;
}

static void a_loader_may_ask_for_another_key(void **state) {
  cachecore_result *kept = NULL;
  (void)state;
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "outer", ask_another_key, &kept, &found, &error),
                   CACHECORE_OK);
  cachecore_result_free(kept); /* what was given is a copy */
  assert_value("loaded", "inner");
}

static cachecore_status give_not_a_number(void *context, cachecore_value *value, cachecore_error *failed) {
  (void)context;
  (void)failed;
  *value = cachecore_double((double)NAN);
  return CACHECORE_OK;
}

static void a_value_that_cannot_be_stored_keeps_nobody_waiting(void **state) {
  source right = {.value = "value"};
  (void)state;
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "nan", give_not_a_number, NULL, &found, &error),
                   CACHECORE_INVALID_ARGUMENT);
  assert_null(found);
  assert_int_equal(cachecore_cache_get_with_fallback(core, "users", "nan", give_not_a_number, NULL, cachecore_int(1),
                                                     &found, &error),
                   CACHECORE_INVALID_ARGUMENT);
  assert_null(found);
  assert_int_equal(cachecore_cache_get_or_load(core, "users", "nan", ask, &right, &found, &error), CACHECORE_OK);
  assert_value("loaded", "value");
}

static void with_fallback(void **state) {
  source right = {.value = "value"};
  source away = {.why = "away"};
  const cachecore_value fallback = cachecore_text("fallback");
  (void)state;
  assert_int_equal(cachecore_cache_get_with_fallback(core, "fallback", "1", ask, &away, fallback, &found, &error),
                   CACHECORE_OK);
  assert_value("fallback", "fallback");
  assert_int_equal(away.asked, 1);
  assert_int_equal(error.status, CACHECORE_LOADER_FAILED);
  assert_string_equal(error.message, "away");
  assert_int_equal(cachecore_cache_get_with_fallback(core, "fallback", "1", ask, &right, fallback, &found, &error),
                   CACHECORE_OK);
  assert_value("loaded", "value");
  assert_int_equal(cachecore_cache_get_with_fallback(core, "fallback", "1", ask, &away, fallback, &found, &error),
                   CACHECORE_OK);
  assert_value("hit", "value");
  assert_int_equal(error.status, CACHECORE_OK);

  test_server_kill(server);
  assert_int_equal(cachecore_cache_get_with_fallback(core, "fallback", "2", ask, &right, fallback, &found, &error),
                   CACHECORE_OK);
  assert_value("loaded", "value");
  assert_int_equal(cachecore_cache_get_with_fallback(core, "fallback", "2", ask, &away, fallback, &found, &error),
                   CACHECORE_OK);
  assert_value("fallback", "fallback");
  test_server_restart(server);
}

static atomic_int right_values;
static source slow = {.value = "slow"};

static void *load_slowly(void *unused) {
  cachecore_result *mine = NULL;
  (void)unused;
  if (cachecore_cache_get_or_load(core, "threads", "k", ask, &slow, &mine, NULL) == CACHECORE_OK &&
      strcmp(cachecore_cache_value(mine)->as.bytes.data, "slow") == 0) {
    right_values++;
  }
  cachecore_result_free(mine);
  return NULL;
}

static void many_threads_one_load(void **state) {
  pthread_t threads[32];
  (void)state;
  for (int i = 0; i < 32; i++) pthread_create(&threads[i], NULL, load_slowly, NULL);
  for (int i = 0; i < 32; i++) pthread_join(threads[i], NULL);
  assert_int_equal(slow.asked, 1);
  assert_int_equal(right_values, 32);
}

static void fields_of_nothing(void **state) {
  (void)state;
  assert_int_equal(cachecore_cache_value(NULL)->kind, CACHECORE_NIL);
  assert_string_equal(cachecore_cache_state(NULL), "");
  assert_int_equal(cachecore_cache_age_ms(NULL), -1);
}

static void tags_and_refresh(void **state) {
  static const char *const tags[] = {"t", "u"};
  const char *many[CACHECORE_CACHE_MOST_TAGS + 1];
  int64_t kept = 0;
  size_t i;
  (void)state;
  assert_int_equal(cachecore_cache_lookup(core, "tagged", "k", &found, &error), CACHECORE_OK);
  for (i = 0; i <= CACHECORE_CACHE_MOST_TAGS; i++) many[i] = "t";
  assert_int_equal(cachecore_cache_store_tagged(core, cachecore_cache_lease(found), cachecore_text("v"), 0, many,
                                                CACHECORE_CACHE_MOST_TAGS + 1, &kept, &error),
                   CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(
      cachecore_cache_store_tagged(core, cachecore_cache_lease(found), cachecore_text("v"), 0, tags, 2, &kept, &error),
      CACHECORE_OK);
  assert_int_equal(kept, 1);
  cachecore_result_free(found);

  assert_int_equal(cachecore_cache_refresh(core, "tagged", "k", &found, &error), CACHECORE_OK);
  assert_string_equal(cachecore_cache_state(found), "load");
  assert_string_equal(cachecore_cache_value(found)->as.bytes.data, "v");
  assert_int_equal(
      cachecore_cache_store_tagged(core, cachecore_cache_lease(found), cachecore_text("w"), 0, tags, 1, NULL, &error),
      CACHECORE_OK);
  cachecore_result_free(found);
  assert_int_equal(cachecore_cache_invalidate_tag(core, "tagged", "u", &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_get(core, "tagged", "k", &found, &error), CACHECORE_OK);
  cachecore_result_free(found);
  assert_int_equal(cachecore_cache_invalidate_tag(core, "tagged", "t", &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_get(core, "tagged", "k", &found, &error), CACHECORE_NOT_FOUND);
  assert_int_equal(cachecore_cache_set(core, "tagged", "k", cachecore_text("x"), 0, &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_clear(core, "tagged", &error), CACHECORE_OK);
  assert_int_equal(cachecore_cache_get(core, "tagged", "k", &found, &error), CACHECORE_NOT_FOUND);
}

static void many_keys(void **state) {
  cachecore_value keys[2];
  cachecore_value loads[2];
  cachecore_pair fields[2][2];
  const cachecore_value *items;
  cachecore_result *stored = NULL;
  size_t i;
  (void)state;
  keys[0] = cachecore_text("a");
  keys[1] = cachecore_text("b");
  assert_int_equal(cachecore_cache_lookup_many(core, "several", keys, 2, &found, &error), CACHECORE_OK);
  items = cachecore_result_value(found)->as.list.items;
  for (i = 0; i < 2; i++) {
    fields[i][0].key = cachecore_text("lease");
    fields[i][0].value = items[i].as.map.pairs[3].value;
    fields[i][1].key = cachecore_text("value");
    fields[i][1].value = keys[i];
    loads[i] = cachecore_map(fields[i], 2);
  }
  assert_int_equal(cachecore_cache_store_many(core, loads, 2, &stored, &error), CACHECORE_OK);
  for (i = 0; i < 2; i++) assert_int_equal(cachecore_result_value(stored)->as.list.items[i].as.integer, 1);
  cachecore_result_free(stored);
  cachecore_result_free(found);
  assert_int_equal(cachecore_cache_get(core, "several", "b", &found, &error), CACHECORE_OK);
  assert_string_equal(cachecore_result_value(found)->as.bytes.data, "b");
  cachecore_result_free(found);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_lease_protocol),
      cmocka_unit_test(without_loading),
      cmocka_unit_test(get_or_load),
      cmocka_unit_test(a_loader_that_fails),
      cmocka_unit_test(whatever_a_loader_answers_else_is_a_failure),
      cmocka_unit_test(a_loader_may_ask_for_another_key),
      cmocka_unit_test(a_value_that_cannot_be_stored_keeps_nobody_waiting),
      cmocka_unit_test(many_threads_one_load),
      cmocka_unit_test(fields_of_nothing),
      cmocka_unit_test(tags_and_refresh),
      cmocka_unit_test(many_keys),
      cmocka_unit_test(with_fallback),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
