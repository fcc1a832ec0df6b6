// What INFO says of servers of the family, and text for Prometheus in both dialects.
#include "exposition.h"
#include "server_figures.h"
#include "tests/support/unit.h"

namespace {

using namespace monitor_plugin;

void info_is_read_and_what_is_missing_is_nothing(void **) {
  const server_figures found = read_info(
      "# Server\r\nredis_version:7.0.15\r\nused_memory:1000\r\nmaxmemory:4000\r\nmaxmemory_policy:noeviction\r\n"
      "keyspace_hits:3\r\nkeyspace_misses:1\r\ndb0:keys=5,expires=1,avg_ttl=0\r\ndb12:keys=7\r\n"
      "role:master\r\nmaster_repl_offset:500\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=420,lag=0\r\n"
      "no colon\r\n:\r\nused_memory_peak:not a number\r\n");
  assert_string_equal(found.version.c_str(), "7.0.15");
  assert_string_equal(found.product.c_str(), "redis");
  assert_int_equal(found.keys, 12);
  assert_int_equal(found.lag_bytes, 80);
  assert_int_equal(found.peak_bytes, 0);
  assert_true(found.memory_fraction() == 0.25);
  assert_true(found.hit_rate() == 0.75);
  assert_true(read_info("").memory_fraction() == 0.0);
  const server_figures other = read_info("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n");
  assert_string_equal(other.version.c_str(), "8.1.0");
  assert_string_equal(other.product.c_str(), "valkey");
}

void servers_are_summed_up(void **) {
  const server_figures one = read_info("used_memory:10\nmaxmemory:20\ndb0:keys=1\nuptime_in_seconds:9\n");
  const server_figures two = read_info("used_memory:5\nmaxmemory:20\ndb0:keys=2\nuptime_in_seconds:4\n");
  const server_figures whole = sum_up({one, two});
  assert_int_equal(whole.used_bytes, 15);
  assert_int_equal(whole.max_bytes, 40);
  assert_int_equal(whole.keys, 3);
  assert_int_equal(whole.uptime_s, 4);
  assert_int_equal(sum_up({one, read_info("used_memory:5\n")}).max_bytes, 0);
  assert_int_equal(sum_up({}).keys, 0);
}

std::string write(bool open_metrics) {
  exposition out(open_metrics);
  out.family("a_bytes", metric_kind::counter, "One \\ two\n\"three\"", "bytes");
  out.sample({{"name", "x\"y\\z\nw"}}, int64_t{7});
  out.sample({}, 0.5);
  return out.finish();
}

void both_dialects_are_escaped_and_named(void **) {
  assert_string_equal(write(true).c_str(),
                      "# TYPE a_bytes counter\n# UNIT a_bytes bytes\n# HELP a_bytes One \\\\ two\\n\\\"three\\\"\n"
                      "a_bytes_total{name=\"x\\\"y\\\\z\\nw\"} 7\na_bytes_total 0.5\n# EOF\n");
  assert_string_equal(write(false).c_str(),
                      "# TYPE a_bytes_total counter\n# HELP a_bytes_total One \\\\ two\\n\"three\"\n"
                      "a_bytes_total{name=\"x\\\"y\\\\z\\nw\"} 7\na_bytes_total 0.5\n");
  assert_string_equal(exposition::clean("http.open-now\xc3").c_str(), "http_open_now_");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(info_is_read_and_what_is_missing_is_nothing),
      cmocka_unit_test(servers_are_summed_up),
      cmocka_unit_test(both_dialects_are_escaped_and_named),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
