/* The monitor over the C ABI, and monitor.h: health with each reason, counts that processes share, slow calls, figures.
 */
#include <cachecore/core.h>
#include <cachecore/monitor.h>
#include <dirent.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

static test_server *server;
static cachecore *core;
static cachecore_error error;

static cachecore *open_core(const char *url, const char *config) {
  static const char *const plugins[] = {"cache", "monitor", NULL};
  cachecore_options options;
  cachecore *made;
  cachecore_options_init(&options);
  options.url = url;
  options.plugins = plugins;
  options.config_json = config;
  options.call_timeout_ms = test_patience_ms();
  if (cachecore_init(&options, &made, &error) != CACHECORE_OK) test_die("init: %s", error.message);
  return made;
}

static int start(void **state) {
  (void)state;
  server = test_server_start_tcp(NULL, NULL);
  core = open_core(test_server_url(server), "{\"plugins\": {\"monitor\": {\"flush_ms\": 60000, \"slow_ms\": 20}}}");
  return 0;
}

static int stop(void **state) {
  (void)state;
  cachecore_close(core);
  test_server_stop(server);
  return 0;
}

static int is_text(const cachecore_value *value, const char *text) {
  return value->kind == CACHECORE_BYTES && value->as.bytes.size == strlen(text) &&
         memcmp(value->as.bytes.data, text, strlen(text)) == 0;
}

static void expect_health(cachecore *of, int64_t timeout_ms, const char *status, const char *reason) {
  cachecore_result *found;
  assert_int_equal(cachecore_monitor_health(of, timeout_ms, &found, &error), CACHECORE_OK);
  if (!is_text(cachecore_monitor_field(found, "status"), status))
    test_die("status is %s", cachecore_monitor_field(found, "status")->as.bytes.data);
  if (reason == NULL) {
    assert_int_equal(cachecore_monitor_field(found, "reason")->kind, CACHECORE_NIL);
    assert_int_equal(cachecore_monitor_field(found, "read_write")->as.integer, 1);
  } else {
    if (!is_text(cachecore_monitor_field(found, "reason"), reason))
      test_die("reason is %s: %s", cachecore_monitor_field(found, "reason")->as.bytes.data,
               cachecore_monitor_field(found, "message")->as.bytes.data);
    assert_int_equal(cachecore_monitor_field(found, "read_write")->as.integer, 0);
  }
  assert_int_equal(cachecore_monitor_field(found, "checks")->as.list.count, 4);
  cachecore_result_free(found);
}

static int64_t figure(const cachecore_result *of, const char *name) {
  const cachecore_value *found = cachecore_monitor_field(of, name);
  if (found->kind != CACHECORE_INT) test_die("%s is no number", name);
  return found->as.integer;
}

static void expect_command(const char *command) {
  char *said = test_command_text(server, command);
  assert_string_equal(said, "OK");
  free(said);
}

static void health_of_a_good_server_leaves_nothing_behind(void **state) {
  (void)state;
  expect_health(core, 0, "healthy", NULL);
  assert_int_equal(test_command_integer(server, "DBSIZE"), 0);
}

static void health_names_why_a_server_refuses(void **state) {
  (void)state;
  expect_command("REPLICAOF 127.0.0.1 1");
  expect_health(core, 0, "degraded", "read_only");
  expect_command("REPLICAOF NO ONE");
  expect_command("CONFIG SET maxmemory 1");
  expect_health(core, 0, "degraded", "out_of_memory");
  expect_command("CONFIG SET maxmemory 0");
  expect_command("CONFIG SET min-replicas-to-write 1");
  expect_health(core, 0, "degraded", "too_few_replicas");
  expect_command("CONFIG SET min-replicas-to-write 0");
  expect_health(core, 0, "healthy", NULL);
}

static void health_of_a_stopped_server_is_told_by_the_deadline(void **state) {
  cachecore_result *found;
  const cachecore_value *checks;
  (void)state;
  test_server_pause(server);
  assert_int_equal(cachecore_monitor_health(core, 150, &found, &error), CACHECORE_OK);
  assert_true(is_text(cachecore_monitor_field(found, "status"), "unhealthy"));
  assert_true(is_text(cachecore_monitor_field(found, "reason"), "timeout"));
  /* Only the ping was waited for. */
  checks = cachecore_monitor_field(found, "checks");
  assert_int_equal(checks->as.list.count, 4);
  assert_true(is_text(&checks->as.list.items[1].as.map.pairs[2].value, "not_tried"));
  cachecore_result_free(found);
  test_server_resume(server);
  expect_health(core, 0, "healthy", NULL);
}

static void health_names_a_wrong_password_and_an_absent_server(void **state) {
  cachecore *other;
  char *url = test_format("redis://:wrong@127.0.0.1:%d", test_server_port(server));
  (void)state;
  expect_command("CONFIG SET requirepass right");
  other = open_core(url, NULL);
  expect_health(other, 5000, "unhealthy", "denied");
  cachecore_close(other);
  free(url);
  url = test_format("redis://:right@127.0.0.1:%d", test_server_port(server));
  other = open_core(url, NULL);
  assert_int_equal(cachecore_invoke(other, "kv.ttl", NULL, 0, NULL, &error), CACHECORE_NO_METHOD);
  expect_health(other, 5000, "healthy", NULL);
  cachecore_close(other);
  free(url);
  other = open_core("redis://127.0.0.1:1", NULL);
  expect_health(other, 300, "unhealthy", "unavailable");
  cachecore_close(other);
  freeReplyObject(test_try_command_at(test_server_socket(server), "PING"));
}

static int clear_password(void **state) {
  redisContext *connection = redisConnectUnix(test_server_socket(server));
  (void)state;
  freeReplyObject(redisCommand(connection, "AUTH right"));
  freeReplyObject(redisCommand(connection, "CONFIG SET requirepass %s", ""));
  redisFree(connection);
  return 0;
}

static void expect_counts(cachecore *of, const char *type, int64_t hits, int64_t misses) {
  cachecore_result *found;
  assert_int_equal(cachecore_monitor_stats(of, type, &found, &error), CACHECORE_OK);
  assert_int_equal(figure(found, "hits"), hits);
  assert_int_equal(figure(found, "misses"), misses);
  assert_int_equal(figure(found, "total"), hits + misses);
  cachecore_result_free(found);
}

static void counts_are_kept_here_then_shared(void **state) {
  cachecore *other = open_core(test_server_url(server), "{\"plugins\": {\"monitor\": {\"flush_ms\": 60000}}}");
  cachecore_result *found;
  cachecore_value args[1];
  (void)state;
  assert_int_equal(cachecore_monitor_record(core, "prices", 3, 1, &error), CACHECORE_OK);
  expect_counts(core, "prices", 3, 1);
  expect_counts(other, "prices", 0, 0);
  assert_int_equal(cachecore_monitor_flush(core, &error), CACHECORE_OK);
  expect_counts(core, "prices", 3, 1);
  expect_counts(other, "prices", 3, 1);
  assert_int_equal(cachecore_monitor_record(other, "prices", 1, 0, &error), CACHECORE_OK);
  assert_int_equal(cachecore_monitor_flush(other, &error), CACHECORE_OK);
  expect_counts(core, "prices", 4, 1);
  assert_int_equal(cachecore_monitor_stats(core, NULL, &found, &error), CACHECORE_OK);
  assert_int_equal(cachecore_monitor_field(found, "prices")->kind, CACHECORE_MAP);
  cachecore_result_free(found);
  args[0] = cachecore_text("prices");
  assert_int_equal(cachecore_invoke(core, "monitor.history", args, 1, &found, &error), CACHECORE_OK);
  assert_true(cachecore_result_value(found)->as.list.count >= 1);
  cachecore_result_free(found);
  /* They go by themselves a day after the last. */
  assert_true(test_command_integer(server, "TTL monitor:type:prices") > 86000);
  cachecore_close(other);
}

static void counts_survive_a_server_that_is_away(void **state) {
  (void)state;
  assert_int_equal(cachecore_monitor_record(core, "away", 2, 2, &error), CACHECORE_OK);
  expect_command("REPLICAOF 127.0.0.1 1");
  assert_int_equal(cachecore_monitor_flush(core, &error), CACHECORE_REJECTED);
  expect_command("REPLICAOF NO ONE");
  expect_counts(core, "away", 2, 2);
  assert_int_equal(cachecore_monitor_flush(core, &error), CACHECORE_OK);
  assert_int_equal(cachecore_monitor_flush(core, &error), CACHECORE_OK);
  expect_counts(core, "away", 2, 2);
  assert_int_equal(test_command_integer(server, "HLEN monitor:type:away"), 2);
}

static void old_counts_are_not_told_and_are_removed(void **state) {
  (void)state;
  assert_int_equal(test_command_integer(server, "HSET monitor:type:old h100 50 m100 50"), 2);
  expect_counts(core, "old", 0, 0);
  assert_int_equal(cachecore_monitor_record(core, "old", 1, 0, &error), CACHECORE_OK);
  assert_int_equal(cachecore_monitor_flush(core, &error), CACHECORE_OK);
  expect_counts(core, "old", 1, 0);
  assert_int_equal(test_command_integer(server, "HEXISTS monitor:type:old h100"), 0);
}

static void regions_record_themselves(void **state) {
  cachecore_value args[2];
  cachecore_result *found;
  (void)state;
  args[0] = cachecore_text("users");
  args[1] = cachecore_text("42");
  assert_int_equal(cachecore_invoke(core, "cache.lookup", args, 2, &found, &error), CACHECORE_OK);
  args[0] = *cachecore_monitor_field(found, "lease");
  args[1] = cachecore_text("ada");
  assert_int_equal(cachecore_invoke(core, "cache.store", args, 2, NULL, &error), CACHECORE_OK);
  cachecore_result_free(found);
  args[0] = cachecore_text("users");
  args[1] = cachecore_text("42");
  assert_int_equal(cachecore_invoke(core, "cache.lookup", args, 2, NULL, &error), CACHECORE_OK);
  assert_int_equal(cachecore_monitor_flush(core, &error), CACHECORE_OK);
  expect_counts(core, "users", 1, 1);
  assert_int_equal(cachecore_monitor_flush(core, &error), CACHECORE_OK);
  expect_counts(core, "users", 1, 1);
}

static void wrong_arguments_are_named(void **state) {
  cachecore_result *found;
  char longest[600];
  (void)state;
  assert_int_equal(cachecore_monitor_record(core, "a", -1, 0, &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "monitor.record: hits"));
  memset(longest, 'x', sizeof(longest));
  longest[sizeof(longest) - 1] = '\0';
  assert_int_equal(cachecore_monitor_record(core, longest, 1, 0, &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "at most 512 bytes, got 599"));
  assert_int_equal(cachecore_monitor_server(core, "weather", &found, &error), CACHECORE_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "memory, clients"));
}

static void server_and_metrics_and_alerts(void **state) {
  cachecore_result *found;
  char *text;
  (void)state;
  assert_int_equal(cachecore_monitor_server(core, "memory", &found, &error), CACHECORE_OK);
  assert_true(figure(found, "used_bytes") > 0);
  cachecore_result_free(found);
  assert_int_equal(cachecore_monitor_metrics(core, &found, &error), CACHECORE_OK);
  text = (char *)cachecore_result_value(found)->as.bytes.data;
  assert_non_null(strstr(text, "\ncachecore_up 1\n"));
  assert_non_null(strstr(text, "cachecore_calls_total{method=\"monitor.record\"}"));
  assert_non_null(strstr(text, "cachecore_call_duration_seconds_bucket{method=\"monitor.health\",le=\"+Inf\"}"));
  assert_string_equal(text + strlen(text) - 6, "# EOF\n");
  cachecore_result_free(found);
  assert_int_equal(cachecore_monitor_alerts(core, &found, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(found)->as.list.count, 0);
  cachecore_result_free(found);
  expect_command("CONFIG SET maxmemory 1");
  assert_int_equal(cachecore_monitor_alerts(core, &found, &error), CACHECORE_OK);
  assert_int_equal(cachecore_result_value(found)->as.list.count, 2); /* health, memory */
  cachecore_result_free(found);
  expect_command("CONFIG SET maxmemory 0");
}

static void slow_calls_and_slow_commands_are_listed(void **state) {
  cachecore_result *found;
  cachecore_value words[3], args[1];
  const cachecore_value *calls, *servers;
  (void)state;
  expect_command("CONFIG SET slowlog-log-slower-than 10000");
  words[0] = cachecore_text("DEBUG");
  words[1] = cachecore_text("SLEEP");
  words[2] = cachecore_text("0.05");
  args[0] = cachecore_list(words, 3);
  assert_int_equal(cachecore_invoke(core, "redis.command", args, 1, NULL, &error), CACHECORE_OK);
  assert_int_equal(cachecore_monitor_slow(core, 1, &found, &error), CACHECORE_OK);
  calls = cachecore_monitor_field(found, "calls");
  assert_int_equal(calls->as.list.count, 1);
  assert_true(is_text(&calls->as.list.items[0].as.map.pairs[0].value, "redis.command"));
  assert_true(calls->as.list.items[0].as.map.pairs[2].value.as.integer >= 50000);
  servers = cachecore_monitor_field(found, "servers");
  assert_int_equal(servers->as.list.count, 1);
  assert_true(is_text(&servers->as.list.items[0].as.map.pairs[0].value, "DEBUG"));
  cachecore_result_free(found);
}

static int count_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  while (readdir(tasks) != NULL) count++;
  closedir(tasks);
  return count;
}

static void a_core_that_is_not_used_has_no_thread(void **state) {
  const int before = count_threads();
  cachecore *idle = open_core(test_server_url(server), NULL);
  (void)state;
  assert_int_equal(count_threads(), before);
  assert_int_equal(cachecore_monitor_record(idle, "thread", 1, 0, &error), CACHECORE_OK);
  assert_true(count_threads() > before);
  cachecore_close(idle);
}

static int flushed_by_itself(void *context) {
  (void)context;
  return test_command_integer(server, "EXISTS monitor:type:idle") == 1;
}

static void counts_are_written_without_being_asked(void **state) {
  cachecore *quick = open_core(test_server_url(server), "{\"plugins\": {\"monitor\": {\"flush_ms\": 10}}}");
  (void)state;
  assert_int_equal(cachecore_monitor_record(quick, "idle", 1, 0, &error), CACHECORE_OK);
  assert_true(test_wait_until(flushed_by_itself, NULL, test_patience_ms()));
  assert_int_equal(cachecore_reset(quick, &error), CACHECORE_OK);
  expect_counts(quick, "idle", 1, 0);
  cachecore_close(quick);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(health_of_a_good_server_leaves_nothing_behind),
      cmocka_unit_test(health_names_why_a_server_refuses),
      cmocka_unit_test(health_of_a_stopped_server_is_told_by_the_deadline),
      cmocka_unit_test_teardown(health_names_a_wrong_password_and_an_absent_server, clear_password),
      cmocka_unit_test(counts_are_kept_here_then_shared),
      cmocka_unit_test(counts_survive_a_server_that_is_away),
      cmocka_unit_test(old_counts_are_not_told_and_are_removed),
      cmocka_unit_test(regions_record_themselves),
      cmocka_unit_test(wrong_arguments_are_named),
      cmocka_unit_test(server_and_metrics_and_alerts),
      cmocka_unit_test(slow_calls_and_slow_commands_are_listed),
      cmocka_unit_test(a_core_that_is_not_used_has_no_thread),
      cmocka_unit_test(counts_are_written_without_being_asked),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
