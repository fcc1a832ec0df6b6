/* Reset when a plugin cannot be made anew, and reset beside close. EDGES_PLUGIN is the plugin of edges_plugin.cpp. */
#include <poll.h>
#include <sched.h>

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

/* ---- A plugin that cannot be made anew ---- */

static cachecore_status call(cachecore *core, const char *method, cachecore_error *error) {
  return cachecore_invoke(core, method, NULL, 0, NULL, error);
}

static void assert_others_work(cachecore *core) {
  const cachecore_value pair[] = {cachecore_text("key"), cachecore_text("value")};
  cachecore_error error;
  if (call(core, "redis.ping", &error) != CACHECORE_OK) test_die("redis.ping: %s", error.message);
  if (cachecore_invoke(core, "kv.set", pair, 2, NULL, &error) != CACHECORE_OK) test_die("kv.set: %s", error.message);
}

static void a_plugin_that_fails_at_reset_heals_at_the_next(void **state) {
  (void)state;
  const char *const plugins[] = {getenv("EDGES_PLUGIN"), "kv", NULL};
  cachecore *core = test_core(test_server_url(server), plugins);
  const cachecore_method *now = test_method(core, "edges.now");
  cachecore_completions *queue = NULL;
  cachecore_error error;
  assert_int_equal(cachecore_completions_create(core, &queue, &error), CACHECORE_OK);
  for (int round = 0; round < 3; round++) {
    assert_int_equal(call(core, "edges.now", &error), CACHECORE_OK);
    assert_others_work(core);
    assert_int_equal(call(core, "edges.refuse_next", &error), CACHECORE_OK);
    assert_int_equal(cachecore_reset(core, &error), CACHECORE_DENIED);
    assert_non_null(strstr(error.message, "the moon is not full"));
    assert_int_equal(call(core, "edges.now", &error), CACHECORE_INVALID_STATE);
    assert_non_null(strstr(error.message, "edges.now"));
    assert_non_null(strstr(error.message, "cachecore_reset"));
    /* A submission is not accepted, or completes with it. */
    cachecore_status status = cachecore_submit(core, now, NULL, 0, 0, queue, 0, NULL, &error);
    if (status == CACHECORE_OK) {
      struct pollfd readable = {.fd = cachecore_completions_fd(queue), .events = POLLIN};
      assert_int_equal(poll(&readable, 1, (int)test_patience_ms()), 1);
      cachecore_completion came;
      assert_int_equal(cachecore_completions_drain(queue, &came, 1), 1);
      status = came.status;
      cachecore_result_free(came.result);
    }
    assert_int_equal(status, CACHECORE_INVALID_STATE);
    assert_others_work(core);
    assert_int_equal(cachecore_reset(core, &error), CACHECORE_OK);
  }
  assert_int_equal(call(core, "edges.now", &error), CACHECORE_OK);
  cachecore_close(core);
  cachecore_completions_destroy(queue);
}

/* ---- Reset beside close ---- */

struct race {
  cachecore *core;
  atomic_int watching;    /* what the plugin logs counts from now on */
  atomic_int made;        /* within reset */
  atomic_int given_up;    /* within close */
  atomic_int reset_ended; /* what close waits for, held open by `lingers` */
  atomic_int closed;
  cachecore_status reset_said;
};

static int is_set(void *flag) { return atomic_load((atomic_int *)flag); }

static void follow(void *context, int32_t level, const char *message) {
  struct race *race = context;
  (void)level;
  if (!atomic_load(&race->watching)) return;
  if (strstr(message, "made") != NULL) atomic_store(&race->made, 1);
  if (strstr(message, "given up") == NULL) return;
  atomic_store(&race->given_up, 1);
  (void)test_wait_until(is_set, &race->reset_ended, test_patience_ms());
}

static void begin_race(struct race *race) {
  const char *const plugins[] = {getenv("EDGES_PLUGIN"), NULL};
  memset(race, 0, sizeof *race);
  cachecore_options options;
  cachecore_options_init(&options);
  options.url = test_server_url(server);
  options.plugins = plugins;
  options.log = follow;
  options.log_context = race;
  cachecore_error error;
  if (cachecore_init(&options, &race->core, &error) != CACHECORE_OK) test_die("init: %s", error.message);
  if (call(race->core, "redis.ping", &error) != CACHECORE_OK) test_die("redis.ping: %s", error.message);
  atomic_store(&race->watching, 1);
}

static void *reset_it(void *context) {
  struct race *race = context;
  race->reset_said = cachecore_reset(race->core, NULL);
  atomic_store(&race->reset_ended, 1);
  return NULL;
}

static void *close_it(void *context) {
  struct race *race = context;
  cachecore_close(race->core);
  atomic_store(&race->closed, 1);
  return NULL;
}

/* Close may come at any moment of a reset, and waits until it has left. */
static void close_comes_while_a_reset_runs(void **state) {
  (void)state;
  const long rounds = test_length(200, 5000);
  for (long i = 0; i < rounds; i++) {
    struct race race;
    pthread_t resetting;
    begin_race(&race);
    assert_int_equal(pthread_create(&resetting, NULL, reset_it, &race), 0);
    while (!atomic_load(&race.made)) sched_yield();
    cachecore_close(race.core);
    pthread_join(resetting, NULL);
    assert_int_equal(race.reset_said, CACHECORE_OK);
  }
}

/* A reset that comes when close has begun is refused, and does not wait for a mutex that close frees. */
static void a_reset_comes_while_close_runs(void **state) {
  (void)state;
  const long rounds = test_length(200, 5000);
  for (long i = 0; i < rounds; i++) {
    struct race race;
    pthread_t closing;
    cachecore_completions *queue = NULL;
    begin_race(&race);
    assert_int_equal(cachecore_completions_create(race.core, &queue, NULL), CACHECORE_OK);
    assert_int_equal(
        cachecore_submit(race.core, test_method(race.core, "edges.lingers"), NULL, 0, -1, queue, 0, NULL, NULL),
        CACHECORE_OK);
    assert_int_equal(pthread_create(&closing, NULL, close_it, &race), 0);
    assert_true(test_wait_until(is_set, &race.given_up, test_patience_ms()));
    reset_it(&race);
    assert_int_equal(race.reset_said, CACHECORE_CLOSED);
    pthread_join(closing, NULL);
    cachecore_completions_destroy(queue);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plugin_that_fails_at_reset_heals_at_the_next),
      cmocka_unit_test(close_comes_while_a_reset_runs),
      cmocka_unit_test(a_reset_comes_while_close_runs),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
