// Hashes and lists.

#include <string>

#include "kv_core.h"
#include "tests/support/unit.h"

using namespace kv_test;

namespace {

void sets_and_gets_fields(void **state) {
  kv_core &core = core_of(state);
  assert_int_equal(core.call("hash_get", {text("h"), text("f")}).status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.call("hash_get_all", {text("h")}).status, CACHECORE_NOT_FOUND);
  assert_text(core.answer("hash_set", {text("h"), text("f"), text("v")}), "true");
  assert_text(core.answer("hash_set", {text("h"), text("f"), number(7)}), "false");
  assert_text(core.answer("hash_get", {text("h"), text("f")}), "7");
  assert_int_equal(core.call("hash_get", {text("h"), text("g")}).status, CACHECORE_NOT_FOUND);
  assert_text(core.answer("hash_set", {text("h"), text(""), text("empty name")}), "true");
  assert_text(core.answer("hash_get_all", {text("h")}), "{f: 7, : empty name}");
}

void sets_many_fields(void **state) {
  kv_core &core = core_of(state);
  const cachecore_pair some[] = {{text("a"), text("1")}, {text("b"), number(2)}};
  const cachecore_pair more[] = {{text("b"), text("3")}, {text("c"), cachecore_double(0.5)}};
  assert_text(core.answer("hash_set_many", {text("h"), cachecore_map(some, 2)}), "2");
  assert_text(core.answer("hash_set_many", {text("h"), cachecore_map(more, 2), number(50000)}), "1");
  assert_text(core.answer("hash_get_all", {text("h")}), "{a: 1, b: 3, c: 0.5}");
  assert_in_range(test_command_integer(core.server(), "PTTL h"), 1, 50000);
  // Without ttl_ms the expiry stays.
  assert_text(core.answer("hash_set_many", {text("h"), cachecore_map(some, 2)}), "0");
  assert_in_range(test_command_integer(core.server(), "PTTL h"), 1, 50000);

  assert_failed(core.call("hash_set_many", {text("h"), cachecore_map(nullptr, 0)}), CACHECORE_INVALID_ARGUMENT,
                "fields");
  const cachecore_pair wrong[] = {{text("a"), text("1")}, {text("b"), cachecore_nil()}};
  assert_failed(core.call("hash_set_many", {text("h"), cachecore_map(wrong, 2)}), CACHECORE_INVALID_ARGUMENT,
                "fields[1]");
  const cachecore_pair unnamed[] = {{number(1), text("1")}};
  assert_failed(core.call("hash_set_many", {text("h"), cachecore_map(unnamed, 1)}), CACHECORE_INVALID_ARGUMENT,
                "fields[0]");
}

void sets_more_fields_than_lua_unpacks(void **state) {
  kv_core &core = core_of(state);
  std::vector<std::string> names;
  names.reserve(20000);
  for (int i = 0; i < 20000; i++) names.push_back("field" + std::to_string(i));
  std::vector<cachecore_pair> fields;
  fields.reserve(names.size());
  for (const std::string &name : names) fields.push_back({text(name.c_str()), number(1)});
  assert_text(core.answer("hash_set_many", {text("h"), cachecore_map(fields.data(), fields.size()), number(100000)}),
              "20000");
  assert_int_equal(test_command_integer(core.server(), "HLEN h"), 20000);
}

void leaves_the_expiry_of_other_types_alone(void **state) {
  kv_core &core = core_of(state);
  const cachecore_pair some[] = {{text("a"), text("1")}};
  core.redis("SET k v");
  assert_failed(core.call("hash_set_many", {text("k"), cachecore_map(some, 1), number(50000)}), CACHECORE_REJECTED,
                "WRONGTYPE");
  assert_text(core.redis("TTL k"), "-1");
  assert_failed(core.call("hash_get_all", {text("k")}), CACHECORE_REJECTED, "WRONGTYPE");
  assert_failed(core.call("list_push", {text("k"), text("a")}), CACHECORE_REJECTED, "WRONGTYPE");
}

void counts_in_fields(void **state) {
  kv_core &core = core_of(state);
  assert_text(core.answer("hash_increment", {text("h"), text("n")}), "1");
  assert_text(core.answer("hash_increment", {text("h"), text("n"), number(-5)}), "-4");
  core.redis("HSET h word abc");
  assert_failed(core.call("hash_increment", {text("h"), text("word")}), CACHECORE_REJECTED, "not an integer");
}

void deletes_fields(void **state) {
  kv_core &core = core_of(state);
  core.redis("HSET h a 1 b 2 c 3 d 4");
  assert_text(core.answer("hash_delete", {text("h"), text("a")}), "1");
  assert_text(core.answer("hash_delete", {text("h"), text("a")}), "0");
  const cachecore_value fields[] = {text("b"), text("c"), text("x")};
  assert_text(core.answer("hash_delete", {text("h"), cachecore_list(fields, 3)}), "2");
  assert_text(core.answer("hash_delete", {text("h"), cachecore_list(nullptr, 0)}), "0");
  assert_text(core.redis("HGETALL h"), "[d, 4]");
  const cachecore_value wrong[] = {text("b"), number(2)};
  assert_failed(core.call("hash_delete", {text("h"), cachecore_list(wrong, 2)}), CACHECORE_INVALID_ARGUMENT,
                "field[1]");
}

void pushes_and_pops(void **state) {
  kv_core &core = core_of(state);
  assert_int_equal(core.call("list_pop", {text("l")}).status, CACHECORE_NOT_FOUND);
  assert_text(core.answer("list_push", {text("l"), text("a")}), "1");
  assert_text(core.answer("list_push", {text("l"), number(2)}), "2");
  assert_text(core.answer("list_push", {text("l"), text("first"), text("left")}), "3");
  const cachecore_value several[] = {text("x"), text("y")};
  assert_text(core.answer("list_push", {text("l"), cachecore_list(several, 2)}), "5");
  assert_text(core.answer("list_range", {text("l")}), "[first, a, 2, x, y]");
  // First in, first out, unless told otherwise.
  assert_text(core.answer("list_pop", {text("l")}), "first");
  assert_text(core.answer("list_pop", {text("l"), text("right")}), "y");
  assert_text(core.answer("list_pop", {text("l"), text("left")}), "a");
  assert_text(core.redis("LRANGE l 0 -1"), "[2, x]");

  assert_failed(core.call("list_push", {text("l"), text("a"), text("middle")}), CACHECORE_INVALID_ARGUMENT, "side");
  assert_failed(core.call("list_pop", {text("l"), text("")}), CACHECORE_INVALID_ARGUMENT, "side");
  assert_failed(core.call("list_push", {text("l"), cachecore_list(nullptr, 0)}), CACHECORE_INVALID_ARGUMENT, "value");
  const cachecore_value wrong[] = {text("x"), cachecore_bool(1)};
  assert_failed(core.call("list_push", {text("l"), cachecore_list(wrong, 2)}), CACHECORE_INVALID_ARGUMENT, "value[1]");
}

void reads_ranges(void **state) {
  kv_core &core = core_of(state);
  assert_text(core.answer("list_range", {text("l")}), "[]");
  core.redis("RPUSH l a b c d e");
  assert_text(core.answer("list_range", {text("l"), number(1), number(2)}), "[b, c]");
  assert_text(core.answer("list_range", {text("l"), number(-2)}), "[d, e]");
  assert_text(core.answer("list_range", {text("l"), number(3), number(100)}), "[d, e]");
  assert_text(core.answer("list_range", {text("l"), number(9), number(10)}), "[]");
}

void removes_items(void **state) {
  kv_core &core = core_of(state);
  core.redis("RPUSH l a b a 7 a");
  assert_text(core.answer("list_remove", {text("l"), text("a"), number(-1)}), "1");
  assert_text(core.redis("LRANGE l 0 -1"), "[a, b, a, 7]");
  assert_text(core.answer("list_remove", {text("l"), text("a")}), "2");
  assert_text(core.answer("list_remove", {text("l"), number(7), number(1)}), "1");
  assert_text(core.answer("list_remove", {text("l"), text("missing")}), "0");
  assert_text(core.redis("LRANGE l 0 -1"), "[b]");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(sets_and_gets_fields, empty_database),
      cmocka_unit_test_setup(sets_many_fields, empty_database),
      cmocka_unit_test_setup(sets_more_fields_than_lua_unpacks, empty_database),
      cmocka_unit_test_setup(leaves_the_expiry_of_other_types_alone, empty_database),
      cmocka_unit_test_setup(counts_in_fields, empty_database),
      cmocka_unit_test_setup(deletes_fields, empty_database),
      cmocka_unit_test_setup(pushes_and_pops, empty_database),
      cmocka_unit_test_setup(reads_ranges, empty_database),
      cmocka_unit_test_setup(removes_items, empty_database),
  };
  return cmocka_run_group_tests(tests, start_core, stop_core);
}
