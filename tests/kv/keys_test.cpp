// delete, delete_many, delete_matching, exists, expire, ttl; and the key prefix, which no method may leave.

#include <cstdlib>
#include <string>

#include "kv_core.h"
#include "tests/support/unit.h"

using namespace kv_test;

namespace {

void deletes(void **state) {
  kv_core &core = core_of(state);
  core.redis("MSET app[1]:a 1 app[1]:b 2 app[1]:c 3 a outside");
  assert_text(core.answer("exists", {text("a")}), "true");
  assert_text(core.answer("delete", {text("a")}), "true");
  assert_text(core.answer("delete", {text("a")}), "false");
  assert_text(core.answer("exists", {text("a")}), "false");
  const cachecore_value keys[] = {text("a"), text("b"), text("c"), text("d")};
  assert_text(core.answer("delete_many", {cachecore_list(keys, 4)}), "2");
  assert_text(core.answer("delete_many", {cachecore_list(nullptr, 0)}), "0");
  assert_text(core.redis("KEYS *"), "[a]");
}

void deletes_keys_of_any_type(void **state) {
  kv_core &core = core_of(state);
  core.redis("RPUSH app[1]:list a");
  core.redis("HSET app[1]:hash f v");
  core.redis("ZADD app[1]:zset 1 a");
  assert_text(core.answer("exists", {text("zset")}), "true");
  assert_text(core.answer("delete", {text("zset")}), "true");
  assert_text(core.answer("delete_matching", {text("*")}), "2");
  assert_text(core.redis("DBSIZE"), "0");
}

int64_t matching_deleted(kv_core &core) {
  const std::string name = "kv.matching_deleted: ";
  const std::string stats = core.stats();
  assert_contains(stats, name.c_str());
  return std::stoll(stats.substr(stats.find(name) + name.size()));
}

void deletes_what_matches(void **state) {
  kv_core &core = core_of(state);
  const int64_t before = matching_deleted(core);
  // More than a few batches, and as many that do not match.
  const char *fill = "for i = 1, 3500 do redis.call('MSET', 'app[1]:user:' .. i, i, 'app[1]:item:' .. i, i) end";
  free(test_command_text(core.server(), "EVAL %s 0", fill));
  // Keys that a careless use of the prefix as a pattern would take: '[1]' matches '1'.
  core.redis("MSET app1:user:1 other user:1 other");
  assert_text(core.answer("delete_matching", {text("user:*")}), "3500");
  assert_text(core.redis("DBSIZE"), "3502");
  assert_text(core.answer("delete_matching", {text("user:*")}), "0");
  assert_text(core.answer("delete_matching", {text("item:?")}), "9");
  assert_text(core.answer("delete_matching", {text("item:[1-3]0")}), "3");
  assert_text(core.answer("delete_matching", {text("*")}), "3488");
  assert_text(core.redis("MGET app1:user:1 user:1"), "[other, other]");
  assert_text(core.redis("DBSIZE"), "2");
  assert_int_equal(matching_deleted(core) - before, 7000);
}

void matches_special_characters_literally_when_escaped(void **state) {
  kv_core &core = core_of(state);
  core.redis("MSET app[1]:a*b 1 app[1]:axb 2");
  assert_text(core.answer("delete_matching", {text("a\\*b")}), "1");
  assert_text(core.redis("KEYS *"), "[app[1]:axb]");
  assert_failed(core.call("delete_matching", {text("")}), CACHECORE_INVALID_ARGUMENT, "pattern");
}

void expires(void **state) {
  kv_core &core = core_of(state);
  assert_int_equal(core.call("ttl", {text("k")}).status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.call("expire", {text("k"), number(1000)}).status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.call("expire", {text("k"), number(-1)}).status, CACHECORE_NOT_FOUND);
  core.answer("set", {text("k"), text("v")});
  assert_text(core.answer("ttl", {text("k")}), "-1");
  assert_text(core.answer("expire", {text("k"), number(50000)}), "true");
  const int64_t left = std::stoll(core.answer("ttl", {text("k")}));
  assert_in_range(left, 1, 50000);
  assert_text(core.answer("expire", {text("k"), number(-1)}), "true");
  assert_text(core.answer("ttl", {text("k")}), "-1");
  assert_text(core.answer("expire", {text("k"), number(-1)}), "true");
  assert_failed(core.call("expire", {text("k"), number(0)}), CACHECORE_INVALID_ARGUMENT, "ttl_ms");
  assert_failed(core.call("expire", {text("k"), number(-2)}), CACHECORE_INVALID_ARGUMENT, "ttl_ms");
  assert_failed(core.call("expire", {text("k")}), CACHECORE_INVALID_ARGUMENT, "ttl_ms");
  assert_text(core.answer("exists", {text("k")}), "true");
}

// Runs every method that takes a key on the same one, and looks where it landed.
void stays_within_the_prefix(void **state) {
  kv_core &core = core_of(state);
  const cachecore_pair pairs[] = {{text("b"), text("2")}};
  const cachecore_pair fields[] = {{text("f"), text("1")}};
  core.answer("set", {text("a"), text("1")});
  core.answer("set_many", {cachecore_map(pairs, 1)});
  const cachecore_pair more[] = {{text("c"), text("3")}};
  core.answer("set_many", {cachecore_map(more, 1), number(100000)});
  core.answer("set_json", {text("d"), number(4)});
  core.answer("increment", {text("e")});
  core.answer("increment", {text("f"), number(1), number(100000)});
  core.answer("compare_and_set", {text("g"), cachecore_nil(), text("1")});
  core.answer("compare_and_set", {text("g"), text("1"), text("2")});
  core.answer("hash_set", {text("h"), text("f"), text("1")});
  core.answer("hash_set_many", {text("i"), cachecore_map(fields, 1)});
  core.answer("hash_set_many", {text("j"), cachecore_map(fields, 1), number(100000)});
  core.answer("hash_increment", {text("k"), text("f")});
  core.answer("list_push", {text("l"), text("1")});
  assert_text(core.redis("DBSIZE"), "12");
  for (const char *key : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}) {
    assert_text(core.redis(std::string("EXISTS app[1]:") + key), "1");
    assert_text(core.answer("exists", {text(key)}), "true");
  }
  assert_text(core.answer("get", {text("g")}), "2");
  assert_text(core.answer("get_json", {text("d")}), "4");
  assert_text(core.answer("hash_get", {text("h"), text("f")}), "1");
  assert_text(core.answer("hash_get_all", {text("j")}), "{f: 1}");
  assert_text(core.answer("hash_delete", {text("h"), text("f")}), "1");
  assert_text(core.answer("list_range", {text("l")}), "[1]");
  assert_text(core.answer("list_remove", {text("l"), text("2")}), "0");
  assert_text(core.answer("list_pop", {text("l")}), "1");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(deletes, empty_database),
      cmocka_unit_test_setup(deletes_keys_of_any_type, empty_database),
      cmocka_unit_test_setup(deletes_what_matches, empty_database),
      cmocka_unit_test_setup(matches_special_characters_literally_when_escaped, empty_database),
      cmocka_unit_test_setup(expires, empty_database),
      cmocka_unit_test_setup(stays_within_the_prefix, empty_database),
  };
  return cmocka_run_group_tests(tests, start_prefixed_core, stop_core);
}
