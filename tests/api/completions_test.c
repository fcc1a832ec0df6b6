/* The completion queue under randomised schedules: every operation completes exactly once, and what was granted to
 * nobody is given back. The seed is printed; CACHECORE_TEST_SEED repeats a run. */
#include <poll.h>
#include <time.h>

#include "api.h"

static uint64_t seed;

static uint64_t random_number(void) { /* xorshift64* */
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return seed * 2685821657736338717ull;
}

static test_server *server;

static int set_up(void **state) {
  (void)state;
  const char *given = getenv("CACHECORE_TEST_SEED");
  seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003u;
  printf("seed %llu\n", (unsigned long long)seed);
  server = test_server_start(NULL, NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  test_server_stop(server);
  return 0;
}

enum { window = 512 };

struct schedule {
  cachecore *core;
  cachecore_completions *queue;
  const cachecore_method *methods[4]; /* add, ping, never, grant */
  unsigned char *completed;           /* by user_data */
  uint64_t submitted, finished, cancelled;
  uint64_t granted_received, ok, given_up;
};

static void submit_one(struct schedule *run) {
  const uint64_t kind = random_number() % 16;
  const cachecore_value sum[] = {cachecore_int((int64_t)run->submitted), cachecore_int(1)};
  const cachecore_value late = cachecore_bool(random_number() % 2 == 0);
  uint64_t operation = 0;
  cachecore_error error;
  cachecore_status status;
  if (kind < 6) {
    status = cachecore_submit(run->core, run->methods[0], sum, 2, 0, run->queue, run->submitted, &operation, &error);
  } else if (kind < 12) {
    status = cachecore_submit(run->core, run->methods[1], NULL, 0, 0, run->queue, run->submitted, &operation, &error);
  } else if (kind < 14) {
    const int64_t timeout_ms = 1 + (int64_t)(random_number() % 20);
    status = cachecore_submit(run->core, run->methods[2], NULL, 0, timeout_ms, run->queue, run->submitted, &operation,
                              &error);
  } else {
    const int64_t timeout_ms = 1 + (int64_t)(random_number() % 20);
    status = cachecore_submit(run->core, run->methods[3], &late, 1, timeout_ms, run->queue, run->submitted, &operation,
                              &error);
  }
  if (status != CACHECORE_OK) test_die("submit: %s", error.message);
  run->submitted++;
  if (random_number() % 4 == 0) {
    /* This one, or one that may have ended long ago. */
    const uint64_t target = random_number() % 2 == 0 ? operation : 1 + random_number() % operation;
    if (cachecore_cancel(run->core, target, &error) != CACHECORE_OK) test_die("cancel: %s", error.message);
    run->cancelled++;
  }
}

static void drain_some(struct schedule *run, size_t max) {
  cachecore_completion completions[64];
  const size_t count = cachecore_completions_drain(run->queue, completions, max < 64 ? max : 64);
  for (size_t i = 0; i < count; i++) {
    const cachecore_completion *each = &completions[i];
    if (each->user_data >= run->submitted || run->completed[each->user_data]) {
      test_die("operation %llu completed twice, or was never submitted", (unsigned long long)each->user_data);
    }
    run->completed[each->user_data] = 1;
    run->finished++;
    if (each->status == CACHECORE_OK) {
      run->ok++;
      const cachecore_value *value = cachecore_result_value(each->result);
      if (value == NULL || cachecore_result_error(each->result) != NULL)
        test_die("a good result without value, or with an error");
    } else {
      if (each->status != CACHECORE_TIMEOUT && each->status != CACHECORE_CANCELLED) {
        test_die("status %d: %s", each->status, cachecore_result_error(each->result)->message);
      }
      run->given_up++;
    }
    cachecore_result_free(each->result);
  }
}

static int wait_readable(cachecore_completions *queue) {
  struct pollfd watched = {.fd = cachecore_completions_fd(queue), .events = POLLIN};
  return poll(&watched, 1, (int)test_patience_ms()) == 1;
}

static int64_t invoke_int(cachecore *core, const char *method, int64_t argument) {
  const cachecore_value value = cachecore_int(argument);
  cachecore_result *result = NULL;
  cachecore_error error;
  if (cachecore_invoke(core, method, &value, 1, &result, &error) != CACHECORE_OK)
    test_die("%s: %s", method, error.message);
  const int64_t answer = cachecore_result_value(result)->as.integer;
  cachecore_result_free(result);
  return answer;
}

static struct schedule begin_schedule(uint64_t operations) {
  const char *const plugins[] = {conformance_plugin(), NULL};
  struct schedule run = {.core = test_core(test_server_url(server), plugins)};
  static const char *const names[] = {"conformance.add", "redis.ping", "conformance.never", "conformance.grant"};
  for (int i = 0; i < 4; i++) run.methods[i] = test_method(run.core, names[i]);
  run.completed = calloc(operations, 1);
  if (cachecore_completions_create(run.core, &run.queue, NULL) != CACHECORE_OK) test_die("no queue");
  return run;
}

static void every_operation_completes_exactly_once(void **state) {
  (void)state;
  const uint64_t operations = (uint64_t)test_length(200000, 1000000);
  struct schedule run = begin_schedule(operations);
  while (run.finished < operations) {
    uint64_t burst = random_number() % 64;
    while (burst-- > 0 && run.submitted < operations && run.submitted - run.finished < window) submit_one(&run);
    const int full = run.submitted - run.finished >= window || run.submitted == operations;
    if (full && run.finished < operations && !wait_readable(run.queue)) {
      test_die("no completion came: %llu of %llu", (unsigned long long)run.finished, (unsigned long long)run.submitted);
    }
    drain_some(&run, full ? 64 : random_number() % 64);
  }
  cachecore_completion extra;
  assert_int_equal(cachecore_completions_drain(run.queue, &extra, 1), 0);
  struct pollfd watched = {.fd = cachecore_completions_fd(run.queue), .events = POLLIN};
  assert_int_equal(poll(&watched, 1, 0), 0); /* empty: not readable */
  for (uint64_t i = 0; i < operations; i++) assert_true(run.completed[i]);
  printf("%llu operations, %llu cancels, %llu given up\n", (unsigned long long)run.finished,
         (unsigned long long)run.cancelled, (unsigned long long)run.given_up);
  assert_true(run.ok > 0 && run.given_up > 0);
  cachecore_completions_destroy(run.queue);
  cachecore_close(run.core);
  free(run.completed);
}

/* Grants are counted by the plugin: granted == received by us + given back. */
static void what_reaches_nobody_is_given_back(void **state) {
  (void)state;
  const char *const plugins[] = {conformance_plugin(), NULL};
  cachecore *core = test_core(test_server_url(server), plugins);
  const cachecore_method *grant = test_method(core, "conformance.grant");
  const long rounds = test_length(200, 5000);
  int64_t received = 0;
  for (long round = 0; round < rounds; round++) {
    cachecore_completions *queue = NULL;
    assert_int_equal(cachecore_completions_create(core, &queue, NULL), CACHECORE_OK);
    const uint64_t count = 1 + random_number() % 40;
    for (uint64_t i = 0; i < count; i++) {
      const cachecore_value late = cachecore_bool(random_number() % 3 == 0);
      uint64_t operation = 0;
      assert_int_equal(
          cachecore_submit(core, grant, &late, 1, 1 + (int64_t)(random_number() % 5), queue, i, &operation, NULL),
          CACHECORE_OK);
      if (random_number() % 3 == 0) assert_int_equal(cachecore_cancel(core, operation, NULL), CACHECORE_OK);
    }
    cachecore_completion completions[8];
    const size_t drained = cachecore_completions_drain(queue, completions, random_number() % 9);
    for (size_t i = 0; i < drained; i++) {
      if (completions[i].status == CACHECORE_OK) received++;
      cachecore_result_free(completions[i].result);
    }
    cachecore_completions_destroy(queue); /* the rest reaches nobody */
  }
  /* What is still on its way is known once the plugin has counted it. */
  const int64_t granted = invoke_int(core, "conformance.granted", 1);
  (void)granted;
  cachecore_result *drained = NULL;
  const cachecore_value patience = cachecore_int(test_patience_ms());
  assert_int_equal(cachecore_invoke(core, "core.drain", &patience, 1, &drained, NULL), CACHECORE_OK);
  cachecore_result_free(drained);
  const int64_t all = invoke_int(core, "conformance.granted", 0);
  const int64_t released = invoke_int(core, "conformance.released", all - received);
  printf("%lld granted, %lld received, %lld given back\n", (long long)all, (long long)received, (long long)released);
  assert_true(all > received);
  assert_int_equal(released, all - received);
  cachecore_close(core);
}

static void a_queue_outlives_its_core(void **state) {
  (void)state;
  cachecore *core = test_core(test_server_url(server), NULL);
  cachecore_completions *queue = NULL;
  assert_int_equal(cachecore_completions_create(core, &queue, NULL), CACHECORE_OK);
  assert_int_equal(cachecore_submit(core, test_method(core, "redis.ping"), NULL, 0, 0, queue, 7, NULL, NULL),
                   CACHECORE_OK);
  assert_true(wait_readable(queue));
  cachecore_close(core);
  assert_true(wait_readable(queue)); /* still readable: the fd is the queue's */
  cachecore_completion completion;
  assert_int_equal(cachecore_completions_drain(queue, &completion, 1), 1);
  assert_int_equal(completion.status, CACHECORE_OK);
  assert_int_equal(completion.user_data, 7);
  assert_string_equal(cachecore_result_value(completion.result)->as.bytes.data, "PONG");
  cachecore_completions_destroy(queue);
  cachecore_result_free(completion.result); /* a result outlives both */
}

static void a_number_never_submitted_cannot_be_cancelled(void **state) {
  (void)state;
  cachecore *core = test_core(test_server_url(server), NULL);
  cachecore_error error;
  assert_int_equal(cachecore_cancel(core, 0, &error), CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(cachecore_cancel(core, 12345, &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "12345"));
  cachecore_close(core);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operation_completes_exactly_once),
      cmocka_unit_test(what_reaches_nobody_is_given_back),
      cmocka_unit_test(a_queue_outlives_its_core),
      cmocka_unit_test(a_number_never_submitted_cannot_be_cancelled),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
