/* The plugin in plain C, through an installed library: described, called, streamed. Run by example_c_test.py, which
 * built both with pkg-config; CACHECORE_URL names a server of its own. */
#include <cachecore/completions.h>
#include <cachecore/core.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <poll.h>
#include <stdlib.h>
#include <string.h>

static cachecore *core;
static cachecore_error error;

static int start(void **state) {
  static const char *const plugins[] = {"example_c", NULL};
  cachecore_options options;
  (void)state;
  cachecore_options_init(&options);
  options.plugins = plugins;
  options.key_prefix = "app:";
  if (cachecore_init(&options, &core, &error) == CACHECORE_OK) return 0;
  print_error("%s\n", error.message);
  return 1;
}

static int stop(void **state) {
  (void)state;
  cachecore_close(core);
  return 0;
}

static cachecore_status invoke(const char *method, const cachecore_value *args, size_t count, int64_t *answer) {
  cachecore_result *result;
  const cachecore_status status = cachecore_invoke(core, method, args, count, &result, &error);
  if (status == CACHECORE_OK) *answer = cachecore_result_value(result)->as.integer;
  if (status < 0) print_message("%s\n", error.message);
  cachecore_result_free(result);
  return status;
}

static void adds(void **state) {
  const cachecore_value args[] = {cachecore_int(INT64_MAX - 1), cachecore_int(1)};
  const cachecore_value negative[] = {cachecore_int(INT64_MIN), cachecore_int(-1)};
  const cachecore_value too_large[] = {cachecore_int(INT64_MAX), cachecore_int(1)};
  const cachecore_value wrong[] = {cachecore_int(1), cachecore_text("1")};
  int64_t sum = 0;
  (void)state;
  assert_int_equal(invoke("example_c.add", args, 2, &sum), CACHECORE_OK);
  assert_true(sum == INT64_MAX);
  assert_int_equal(invoke("example_c.add", negative, 2, &sum), CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(invoke("example_c.add", too_large, 2, &sum), CACHECORE_INVALID_ARGUMENT);
  assert_string_equal(error.message, "example_c.add: a + b must fit into 64 bits");
  assert_int_equal(invoke("example_c.add", wrong, 2, &sum), CACHECORE_INVALID_ARGUMENT);
  assert_int_equal(invoke("example_c.add", args, 1, &sum), CACHECORE_INVALID_ARGUMENT);
}

static void counts_visits(void **state) {
  const cachecore_pair by_two[] = {{cachecore_text("by"), cachecore_int(2)},
                                   {cachecore_text("ttl_ms"), cachecore_int(60000)}};
  const cachecore_pair unknown[] = {{cachecore_text("buy"), cachecore_int(2)}};
  const cachecore_pair too_few[] = {{cachecore_text("by"), cachecore_int(0)}};
  cachecore_value args[2] = {cachecore_text("home"), cachecore_nil()};
  int64_t visits = 0;
  (void)state;
  assert_int_equal(invoke("example_c.count_visit", args, 1, &visits), CACHECORE_OK);
  assert_int_equal(visits, 1);
  args[1] = cachecore_map(by_two, 2);
  assert_int_equal(invoke("example_c.count_visit", args, 2, &visits), CACHECORE_OK);
  assert_int_equal(visits, 3);
  args[1] = cachecore_map(unknown, 1);
  assert_int_equal(invoke("example_c.count_visit", args, 2, &visits), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "buy"));
  args[1] = cachecore_map(too_few, 1);
  assert_int_equal(invoke("example_c.count_visit", args, 2, &visits), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "by"));

  const cachecore_value get[] = {cachecore_text("PTTL"), cachecore_text("app:visits:home")};
  const cachecore_value words = cachecore_list(get, 2);
  assert_int_equal(invoke("redis.command", &words, 1, &visits), CACHECORE_OK);
  assert_in_range(visits, 1, 60000);

  const cachecore_value spoil[] = {cachecore_text("SET"), cachecore_text("app:visits:spoilt"), cachecore_text("x")};
  const cachecore_value set = cachecore_list(spoil, 3);
  assert_int_equal(cachecore_invoke(core, "redis.command", &set, 1, NULL, &error), CACHECORE_OK);
  const cachecore_value spoilt = cachecore_text("spoilt");
  assert_int_equal(invoke("example_c.count_visit", &spoilt, 1, &visits), CACHECORE_REJECTED);
  assert_string_equal(error.server_code, "ERR");
}

/* The next completion of a queue: its status, and the tick in it (0: none). */
static cachecore_status next(cachecore_completions *queue, int64_t *tick, uint32_t *flags) {
  cachecore_completion completion;
  struct pollfd readable = {cachecore_completions_fd(queue), POLLIN, 0};
  while (cachecore_completions_drain(queue, &completion, 1) == 0) assert_int_equal(poll(&readable, 1, 30000), 1);
  const cachecore_value *item = cachecore_result_value(completion.result);
  *tick = item->kind == CACHECORE_MAP ? item->as.map.pairs[0].value.as.integer : 0;
  *flags = completion.flags;
  const cachecore_status status = completion.status;
  cachecore_result_free(completion.result);
  return status;
}

static void streams_ticks(void **state) {
  const cachecore_value three[] = {cachecore_int(3), cachecore_int(1)};
  const cachecore_value endless[] = {cachecore_int(INT64_MAX), cachecore_int(1)};
  const cachecore_method *method;
  cachecore_completions *queue;
  uint64_t operation;
  int64_t tick;
  uint32_t flags;
  (void)state;
  assert_int_equal(cachecore_completions_create(core, &queue, &error), CACHECORE_OK);
  assert_int_equal(cachecore_method_find(core, "example_c.ticks", &method, &error), CACHECORE_OK);
  assert_int_equal(cachecore_call(core, method, three, 2, 0, NULL, &error), CACHECORE_INVALID_ARGUMENT);

  assert_int_equal(cachecore_submit(core, method, three, 2, 0, queue, 0, &operation, &error), CACHECORE_OK);
  for (int64_t expected = 1; expected <= 3; expected++) {
    assert_int_equal(next(queue, &tick, &flags), CACHECORE_OK);
    assert_int_equal(flags, CACHECORE_COMPLETION_MORE);
    assert_int_equal(tick, expected);
  }
  assert_int_equal(next(queue, &tick, &flags), CACHECORE_OK);
  assert_int_equal(flags, 0);

  assert_int_equal(cachecore_submit(core, method, endless, 2, 0, queue, 0, &operation, &error), CACHECORE_OK);
  assert_int_equal(next(queue, &tick, &flags), CACHECORE_OK);
  assert_int_equal(cachecore_cancel(core, operation, &error), CACHECORE_OK);
  cachecore_status status;
  do {
    status = next(queue, &tick, &flags);
  } while (flags != 0);
  assert_int_equal(status, CACHECORE_CANCELLED);
  cachecore_completions_destroy(queue);
}

/* The value of a key of a MAP, or of the item of a LIST whose "name" it is. */
static const cachecore_value *find(const cachecore_value *in, const char *name) {
  if (in->kind == CACHECORE_MAP) {
    for (size_t i = 0; i < in->as.map.count; i++) {
      if (strcmp(in->as.map.pairs[i].key.as.bytes.data, name) == 0) return &in->as.map.pairs[i].value;
    }
  } else {
    for (size_t i = 0; i < in->as.list.count; i++) {
      if (strcmp(find(&in->as.list.items[i], "name")->as.bytes.data, name) == 0) return &in->as.list.items[i];
    }
  }
  fail_msg("%s is not described", name);
  return NULL;
}

static void is_described(void **state) {
  cachecore_result *result;
  (void)state;
  assert_int_equal(cachecore_describe(core, &result, &error), CACHECORE_OK);
  const cachecore_value *plugin = find(find(cachecore_result_value(result), "plugins"), "example_c");
  assert_string_equal(find(plugin, "version")->as.bytes.data, "1.0.0");
  const cachecore_value *methods = find(plugin, "methods");
  assert_int_equal(methods->as.list.count, 3);
  const cachecore_value *options = find(find(find(methods, "example_c.count_visit"), "parameters"), "options");
  assert_int_equal(find(options, "optional")->as.integer, 1);
  const cachecore_value *ttl_ms = find(find(options, "fields"), "ttl_ms");
  assert_string_equal(find(ttl_ms, "meaning")->as.bytes.data, "duration");
  assert_int_equal(find(ttl_ms, "minimum")->as.integer, 1);
  assert_int_equal(find(find(find(find(methods, "example_c.ticks"), "parameters"), "every_ms"), "default")->as.integer,
                   1000);
  cachecore_result_free(result);
}

static void survives_a_reset(void **state) {
  const cachecore_value args[] = {cachecore_int(1), cachecore_int(2)};
  int64_t sum = 0;
  (void)state;
  assert_int_equal(cachecore_reset(core, &error), CACHECORE_OK);
  assert_int_equal(invoke("example_c.add", args, 2, &sum), CACHECORE_OK);
  assert_int_equal(sum, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(adds),         cmocka_unit_test(counts_visits),    cmocka_unit_test(streams_ticks),
      cmocka_unit_test(is_described), cmocka_unit_test(survives_a_reset),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
