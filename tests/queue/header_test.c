/* queue.h from plain C. */
#include <cachecore/cachecore.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;
static cachecore *core;
static cachecore_error error;

static int start(void **state) {
  cachecore_options options;
  const char *plugins[] = {"queue", NULL};
  (void)state;
  server = test_server_start(NULL, NULL);
  cachecore_options_init(&options);
  options.url = test_server_url(server);
  options.plugins = plugins;
  if (cachecore_init(&options, &core, &error) != CACHECORE_OK) test_die("%s", error.message);
  return 0;
}

static int stop(void **state) {
  (void)state;
  cachecore_close(core);
  test_server_stop(server);
  return 0;
}

static cachecore_queue_job claim_one(cachecore_result **result, const cachecore_value *done, size_t done_count) {
  cachecore_queue_job job;
  assert_int_equal(cachecore_queue_claim(core, "mails", 1, 1000, 0, done, done_count, result, &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_job_at(*result, 0, &job), 1);
  return job;
}

static void working(void **state) {
  cachecore_result *result;
  cachecore_result *second;
  cachecore_queue_job job;
  cachecore_value half = cachecore_int(50);
  const int64_t never = -1;
  const cachecore_pair urgent = {cachecore_text("priority"), cachecore_int(5)};
  cachecore_value jobs[1];
  cachecore_pair payload;
  (void)state;
  assert_int_equal(cachecore_queue_push(core, "mails", "later", 5, NULL, 0, NULL, &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_push(core, "mails", "first", 5, &urgent, 1, NULL, &error), CACHECORE_OK);
  payload.key = cachecore_text("payload");
  payload.value = cachecore_text("last");
  jobs[0] = cachecore_map(&payload, 1);
  assert_int_equal(cachecore_queue_push_many(core, "mails", jobs, 1, NULL, &error), CACHECORE_OK);
  job = claim_one(&result, NULL, 0);
  assert_memory_equal(job.payload.as.bytes.data, "first", 5);
  assert_int_equal(job.attempt, 1);
  assert_int_equal(cachecore_queue_extend(core, &job.handle, 60000, &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_progress(core, &job.handle, &half, &error), CACHECORE_OK);
  job = claim_one(&second, &job.handle, 1);
  cachecore_result_free(result);
  assert_memory_equal(job.payload.as.bytes.data, "later", 5);
  assert_int_equal(cachecore_queue_release(core, &job.handle, 0, &error), CACHECORE_OK);
  cachecore_result_free(second);
  job = claim_one(&result, NULL, 0);
  assert_int_equal(cachecore_queue_fail(core, &job.handle, "no", &never, &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_complete(core, &job.handle, NULL, &error), CACHECORE_CONFLICT);
  cachecore_result_free(result);
  job = claim_one(&result, NULL, 0);
  assert_int_equal(cachecore_queue_complete(core, &job.handle, NULL, &error), CACHECORE_OK);
  cachecore_result_free(result);
  assert_int_equal(cachecore_queue_claim(core, "mails", 1, 0, 0, NULL, 0, &result, &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_job_at(result, 0, &job), 0);
  cachecore_result_free(result);
}

static void steering(void **state) {
  const cachecore_pair named = {cachecore_text("id"), cachecore_text("j")};
  cachecore_result *result;
  int64_t cancelled;
  (void)state;
  assert_int_equal(cachecore_queue_push(core, "steer", "x", 1, &named, 1, &result, &error), CACHECORE_OK);
  cachecore_result_free(result);
  assert_int_equal(cachecore_queue_pause(core, "steer", &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_resume(core, "steer", &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_get(core, "steer", "j", &result, &error), CACHECORE_OK);
  cachecore_result_free(result);
  assert_int_equal(cachecore_queue_counts(core, "steer", &result, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(result)->kind, CACHECORE_MAP);
  cachecore_result_free(result);
  assert_int_equal(cachecore_queue_cancel(core, "steer", "j", &cancelled, &error), CACHECORE_OK);
  assert_int_equal(cancelled, 1);
  assert_int_equal(cachecore_queue_cancel(core, "steer", "k", &cancelled, &error), CACHECORE_NOT_FOUND);
  assert_int_equal(cachecore_queue_get(core, "steer", "k", &result, &error), CACHECORE_NOT_FOUND);
}

static void plain_lists(void **state) {
  cachecore_result *result;
  (void)state;
  assert_int_equal(cachecore_queue_enqueue(core, "list", "a", 1, &error), CACHECORE_OK);
  assert_int_equal(cachecore_queue_dequeue(core, "list", 0, &result, &error), CACHECORE_OK);
  cachecore_result_free(result);
  assert_int_equal(cachecore_queue_dequeue(core, "list", 0, &result, &error), CACHECORE_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(working),
      cmocka_unit_test(steering),
      cmocka_unit_test(plain_lists),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
