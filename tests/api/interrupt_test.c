/* cachecore_set_interrupt: what a waiting thread asks, when it asks, and what comes of it. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "api.h"

static test_server *server;
static cachecore *core;

static int set_up(void **state) {
  (void)state;
  server = test_server_start(NULL, NULL);
  core = test_core(test_server_url(server), NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  cachecore_set_interrupt(NULL, NULL);
  cachecore_close(core);
  test_server_stop(server);
  return 0;
}

static int32_t stop_at(void *context) {
  int *left = context;
  return --*left <= 0;
}

static cachecore_status wait_on(const char *key, const char *seconds, cachecore_error *error) {
  const char *const words[] = {"BLPOP", key, seconds};
  return test_redis(core, words, 3, NULL, error);
}

static void not_zero_ends_the_call(void **state) {
  (void)state;
  int left = 3;
  cachecore_error error;
  cachecore_set_interrupt(stop_at, &left);
  const cachecore_status status = wait_on("nothing", "20", &error);
  if (status != CACHECORE_UNCERTAIN && status != CACHECORE_CANCELLED) fail_msg("%d %s", status, error.message);
  assert_int_equal(left, 0);
  cachecore_set_interrupt(NULL, NULL);
  assert_int_equal(cachecore_invoke(core, "redis.ping", NULL, 0, NULL, &error), CACHECORE_OK);
}

static void zero_lets_it_go_on(void **state) {
  (void)state;
  int left = 1000000;
  cachecore_error error;
  cachecore_set_interrupt(stop_at, &left);
  assert_int_equal(wait_on("nothing", "0.3", &error), CACHECORE_OK);
  cachecore_set_interrupt(NULL, NULL);
  assert_true(left < 1000000);
}

static void an_answer_that_comes_soon_is_not_asked_about(void **state) {
  (void)state;
  int left = 0; /* would end the first call that asks */
  cachecore_error error;
  assert_int_equal(cachecore_invoke(core, "redis.ping", NULL, 0, NULL, &error), CACHECORE_OK);
  int ended = 0;
  cachecore_set_interrupt(stop_at, &left);
  for (int i = 0; i < 100; i++) ended += cachecore_invoke(core, "redis.ping", NULL, 0, NULL, &error) != CACHECORE_OK;
  cachecore_set_interrupt(NULL, NULL);
  /* A machine may stop for 50 ms, but not a hundred times. */
  assert_true(ended < 100);
}

static volatile sig_atomic_t signals;
static void count_signal(int number) {
  (void)number;
  signals = signals + 1;
}

static int32_t stop_after_a_signal(void *context) {
  (void)context;
  return signals > 0;
}

static void *signal_the_caller(void *given) {
  usleep(50 * 1000);
  pthread_kill(*(pthread_t *)given, SIGUSR1);
  return NULL;
}

static void a_signal_ends_the_call(void **state) {
  (void)state;
  struct sigaction handler;
  memset(&handler, 0, sizeof handler);
  handler.sa_handler = count_signal;
  sigaction(SIGUSR1, &handler, NULL);
  pthread_t self = pthread_self();
  pthread_t other;
  cachecore_error error;
  signals = 0;
  cachecore_set_interrupt(stop_after_a_signal, NULL);
  assert_int_equal(pthread_create(&other, NULL, signal_the_caller, &self), 0);
  const cachecore_status status = wait_on("nothing", "20", &error);
  pthread_join(other, NULL);
  cachecore_set_interrupt(NULL, NULL);
  if (status != CACHECORE_UNCERTAIN && status != CACHECORE_CANCELLED) fail_msg("%d %s", status, error.message);
}

static void *wait_unasked(void *given) {
  cachecore_error error;
  *(cachecore_status *)given = wait_on("other", "0.3", &error);
  return NULL;
}

/* The question is the thread's own. */
static void other_threads_are_not_asked(void **state) {
  (void)state;
  int left = 2;
  cachecore_status status = CACHECORE_INTERNAL;
  pthread_t other;
  cachecore_error error;
  cachecore_set_interrupt(stop_at, &left);
  assert_int_equal(pthread_create(&other, NULL, wait_unasked, &status), 0);
  assert_true(wait_on("nothing", "20", &error) < 0);
  pthread_join(other, NULL);
  cachecore_set_interrupt(NULL, NULL);
  assert_int_equal(status, CACHECORE_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(not_zero_ends_the_call),
      cmocka_unit_test(zero_lets_it_go_on),
      cmocka_unit_test(an_answer_that_comes_soon_is_not_asked_about),
      cmocka_unit_test(a_signal_ends_the_call),
      cmocka_unit_test(other_threads_are_not_asked),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
