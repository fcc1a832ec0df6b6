// set, get, set_many, get_many, increment, compare_and_set.

#include <string>

#include "kv_core.h"
#include "tests/support/unit.h"

using namespace kv_test;

namespace {

cachecore_value options(const cachecore_pair *pairs, size_t count) { return cachecore_map(pairs, count); }

void writes_and_reads(void **state) {
  kv_core &core = core_of(state);
  assert_text(core.answer("set", {text("k"), text("v")}), "true");
  assert_text(core.answer("get", {text("k")}), "v");
  assert_text(core.redis("TTL k"), "-1");
  assert_text(core.answer("set", {text("n"), number(INT64_MIN)}), "true");
  assert_text(core.redis("GET n"), "-9223372036854775808");
  assert_text(core.answer("set", {text("d"), cachecore_double(0.1)}), "true");
  assert_text(core.redis("GET d"), "0.1");

  const outcome missing = core.call("get", {text("missing")});
  assert_int_equal(missing.status, CACHECORE_NOT_FOUND);
}

void keeps_every_byte(void **state) {
  kv_core &core = core_of(state);
  std::string all(70000, '\0');
  for (size_t i = 0; i < all.size(); i++) all[i] = static_cast<char>(i * 7);
  assert_text(core.answer("set", {text("binary"), cachecore_bytes(all.data(), all.size())}), "true");
  const outcome read = core.call("get", {text("binary")});
  assert_int_equal(read.status, CACHECORE_OK);
  assert_true(read.answer == all);
  assert_text(core.answer("set", {text("empty"), cachecore_bytes(nullptr, 0)}), "true");
  assert_text(core.answer("get", {text("empty")}), "");
}

void sets_expiry(void **state) {
  kv_core &core = core_of(state);
  core.answer("set", {text("k"), text("v"), number(100000)});
  const int64_t left = test_command_integer(core.server(), "PTTL k");
  assert_in_range(left, 1, 100000);
  // Writing without ttl_ms takes it away, unless it is told to keep it.
  const cachecore_pair keep[] = {{text("keep_ttl"), cachecore_bool(1)}};
  core.answer("set", {text("k"), text("w"), cachecore_nil(), options(keep, 1)});
  assert_in_range(test_command_integer(core.server(), "PTTL k"), 1, 100000);
  core.answer("set", {text("k"), text("x")});
  assert_int_equal(test_command_integer(core.server(), "PTTL k"), -1);

  assert_failed(core.call("set", {text("k"), text("v"), number(0)}), CACHECORE_INVALID_ARGUMENT, "ttl_ms");
  assert_failed(core.call("set", {text("k"), text("v"), number(5), options(keep, 1)}), CACHECORE_INVALID_ARGUMENT,
                "keep_ttl");
  assert_text(core.redis("GET k"), "x");
}

void sets_on_conditions(void **state) {
  kv_core &core = core_of(state);
  const cachecore_pair absent[] = {{text("if"), text("absent")}};
  const cachecore_pair present[] = {{text("if"), text("present")}};
  const cachecore_pair wrong[] = {{text("if"), text("maybe")}};
  const cachecore_pair unknown[] = {{text("iff"), text("absent")}};
  assert_text(core.answer("set", {text("k"), text("1"), cachecore_nil(), options(present, 1)}), "false");
  assert_text(core.answer("set", {text("k"), text("2"), cachecore_nil(), options(absent, 1)}), "true");
  assert_text(core.answer("set", {text("k"), text("3"), cachecore_nil(), options(absent, 1)}), "false");
  assert_text(core.answer("set", {text("k"), text("4"), cachecore_nil(), options(present, 1)}), "true");
  assert_text(core.redis("GET k"), "4");
  assert_failed(core.call("set", {text("k"), text("5"), cachecore_nil(), options(wrong, 1)}),
                CACHECORE_INVALID_ARGUMENT, "options.if");
  assert_failed(core.call("set", {text("k"), text("5"), cachecore_nil(), options(unknown, 1)}),
                CACHECORE_INVALID_ARGUMENT, "iff");
}

void refuses_wrong_arguments(void **state) {
  kv_core &core = core_of(state);
  assert_failed(core.call("set", {text(""), text("v")}), CACHECORE_INVALID_ARGUMENT, "key");
  assert_failed(core.call("set", {text("a\nb"), text("v")}), CACHECORE_INVALID_ARGUMENT, "key");
  assert_failed(core.call("set", {number(1), text("v")}), CACHECORE_INVALID_ARGUMENT, "key");
  assert_failed(core.call("set", {text("k"), cachecore_bool(1)}), CACHECORE_INVALID_ARGUMENT, "value");
  assert_failed(core.call("set", {text("k")}), CACHECORE_INVALID_ARGUMENT, "value");
  assert_failed(core.call("get", {}), CACHECORE_INVALID_ARGUMENT, "key");
  assert_text(core.redis("DBSIZE"), "0");
}

void reports_another_type(void **state) {
  kv_core &core = core_of(state);
  core.redis("RPUSH list a");
  const outcome read = core.call("get", {text("list")});
  assert_failed(read, CACHECORE_REJECTED, "WRONGTYPE");
  assert_text(read.server_code, "WRONGTYPE");
  assert_failed(core.call("increment", {text("list")}), CACHECORE_REJECTED, "WRONGTYPE");
  assert_failed(core.call("increment", {text("list"), number(1), number(1000)}), CACHECORE_REJECTED, "WRONGTYPE");
  assert_failed(core.call("compare_and_set", {text("list"), text("a"), text("b")}), CACHECORE_REJECTED, "WRONGTYPE");
  assert_text(core.redis("TTL list"), "-1");
  assert_text(core.redis("LRANGE list 0 -1"), "[a]");
}

void sets_and_gets_many(void **state) {
  kv_core &core = core_of(state);
  const cachecore_pair pairs[] = {{text("a"), text("1")}, {text("b"), number(2)}, {text("c"), cachecore_double(0.5)}};
  assert_text(core.answer("set_many", {cachecore_map(pairs, 3)}), "3");
  const cachecore_value keys[] = {text("c"), text("missing"), text("a"), text("a"), text("b")};
  assert_text(core.answer("get_many", {cachecore_list(keys, 5)}), "[0.5, nil, 1, 1, 2]");
  assert_text(core.redis("TTL a"), "-1");

  assert_text(core.answer("set_many", {cachecore_map(pairs, 3), number(50000)}), "3");
  for (const char *key : {"PTTL a", "PTTL b", "PTTL c"})
    assert_in_range(test_command_integer(core.server(), key), 1, 50000);

  assert_text(core.answer("set_many", {cachecore_map(nullptr, 0)}), "0");
  assert_text(core.answer("get_many", {cachecore_list(nullptr, 0)}), "[]");
}

void sends_several_keys_as_one_command(void **state) {
  kv_core &core = core_of(state);
  const cachecore_pair pairs[] = {{text("a"), text("1")}, {text("b"), text("2")}};
  const cachecore_value keys[] = {text("a"), text("b")};
  core.redis("CONFIG RESETSTAT");
  core.answer("set_many", {cachecore_map(pairs, 2)});
  core.answer("get_many", {cachecore_list(keys, 2)});
  const std::string stats = core.redis("INFO commandstats");
  assert_contains(stats, "cmdstat_mset:calls=1,");
  assert_contains(stats, "cmdstat_mget:calls=1,");
}

void names_the_wrong_item(void **state) {
  kv_core &core = core_of(state);
  const cachecore_value keys[] = {text("a"), number(5)};
  assert_failed(core.call("get_many", {cachecore_list(keys, 2)}), CACHECORE_INVALID_ARGUMENT, "keys[1]");
  const cachecore_value empty[] = {text("")};
  assert_failed(core.call("get_many", {cachecore_list(empty, 1)}), CACHECORE_INVALID_ARGUMENT, "keys[0]");
  const cachecore_value broken[] = {text("a"), text("b\r\nc")};
  assert_failed(core.call("delete_many", {cachecore_list(broken, 2)}), CACHECORE_INVALID_ARGUMENT, "keys[1]");
  const std::string long_key(65537, 'x');
  const cachecore_value lengthy[] = {cachecore_bytes(long_key.data(), long_key.size())};
  assert_failed(core.call("get_many", {cachecore_list(lengthy, 1)}), CACHECORE_INVALID_ARGUMENT, "65,536");
  const cachecore_pair pairs[] = {{text("a"), text("1")}, {text("b"), cachecore_list(nullptr, 0)}};
  assert_failed(core.call("set_many", {cachecore_map(pairs, 2)}), CACHECORE_INVALID_ARGUMENT, "pairs[1]");
  assert_text(core.redis("DBSIZE"), "0");
}

void counts(void **state) {
  kv_core &core = core_of(state);
  assert_text(core.answer("increment", {text("n")}), "1");
  assert_text(core.answer("increment", {text("n"), number(10)}), "11");
  assert_text(core.answer("increment", {text("n"), number(-20)}), "-9");
  assert_text(core.redis("TTL n"), "-1");
  // A ttl is that of a counter made by the call; an existing one keeps its own.
  assert_text(core.answer("increment", {text("n"), number(1), number(1000)}), "-8");
  assert_text(core.redis("TTL n"), "-1");
  assert_text(core.answer("increment", {text("m"), number(5), number(50000)}), "5");
  assert_in_range(test_command_integer(core.server(), "PTTL m"), 1, 50000);
  assert_text(core.answer("increment", {text("m"), number(5), number(900000)}), "10");
  assert_in_range(test_command_integer(core.server(), "PTTL m"), 1, 50000);

  core.redis("SET word abc");
  assert_failed(core.call("increment", {text("word")}), CACHECORE_REJECTED, "not an integer");
  core.redis("SET large 9223372036854775807");
  assert_failed(core.call("increment", {text("large")}), CACHECORE_REJECTED, "overflow");
}

void compares_and_sets(void **state) {
  kv_core &core = core_of(state);
  assert_text(core.answer("compare_and_set", {text("k"), text("a"), text("b")}), "false");
  assert_text(core.answer("compare_and_set", {text("k"), cachecore_nil(), text("a")}), "true");
  assert_text(core.answer("compare_and_set", {text("k"), cachecore_nil(), text("b")}), "false");
  assert_text(core.answer("compare_and_set", {text("k"), text("wrong"), text("b")}), "false");
  assert_text(core.redis("GET k"), "a");
  assert_text(core.answer("compare_and_set", {text("k"), text("a"), text("b")}), "true");
  assert_text(core.redis("GET k"), "b");
  assert_text(core.redis("TTL k"), "-1");
  assert_text(core.answer("compare_and_set", {text("k"), text("b"), number(7), number(50000)}), "true");
  assert_in_range(test_command_integer(core.server(), "PTTL k"), 1, 50000);
  assert_text(core.answer("compare_and_set", {text("k"), number(7), text("")}), "true");
  assert_text(core.answer("compare_and_set", {text("k"), text(""), cachecore_bytes("\0\n", 2)}), "true");
  assert_int_equal(test_command_integer(core.server(), "STRLEN k"), 2);
  assert_text(core.answer("compare_and_set", {text("new"), cachecore_nil(), text("a"), number(50000)}), "true");
  assert_in_range(test_command_integer(core.server(), "PTTL new"), 1, 50000);
}

void survives_a_flush_of_scripts(void **state) {
  kv_core &core = core_of(state);
  core.redis("SET k 0");
  for (int i = 0; i < 3; i++) {
    assert_text(core.answer("compare_and_set", {text("k"), number(i), number(i + 1)}), "true");
    assert_text(core.redis("SCRIPT FLUSH"), "OK");
  }
  assert_text(core.redis("GET k"), "3");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(writes_and_reads, empty_database),
      cmocka_unit_test_setup(keeps_every_byte, empty_database),
      cmocka_unit_test_setup(sets_expiry, empty_database),
      cmocka_unit_test_setup(sets_on_conditions, empty_database),
      cmocka_unit_test_setup(refuses_wrong_arguments, empty_database),
      cmocka_unit_test_setup(reports_another_type, empty_database),
      cmocka_unit_test_setup(sets_and_gets_many, empty_database),
      cmocka_unit_test_setup(sends_several_keys_as_one_command, empty_database),
      cmocka_unit_test_setup(names_the_wrong_item, empty_database),
      cmocka_unit_test_setup(counts, empty_database),
      cmocka_unit_test_setup(compares_and_sets, empty_database),
      cmocka_unit_test_setup(survives_a_flush_of_scripts, empty_database),
  };
  return cmocka_run_group_tests(tests, start_core, stop_core);
}
