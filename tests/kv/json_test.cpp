// set_json, get_json.

#include <cstdlib>
#include <string>

#include "kv_core.h"
#include "tests/support/unit.h"

using namespace kv_test;

namespace {

void stores_any_value(void **state) {
  kv_core &core = core_of(state);
  const cachecore_value items[] = {number(INT64_MAX), cachecore_double(2.5), cachecore_bool(1), cachecore_nil(),
                                   text("\xc3\xa9")};
  const cachecore_pair pairs[] = {{text("items"), cachecore_list(items, 5)}, {text("name"), text("n")}};
  assert_text(core.answer("set_json", {text("k"), cachecore_map(pairs, 2)}), "nil");
  assert_text(core.redis("GET k"), "{\"items\":[9223372036854775807,2.5,true,null,\"\xc3\xa9\"],\"name\":\"n\"}");
  assert_text(core.answer("get_json", {text("k")}),
              "{items: [9223372036854775807, 2.5, true, nil, \xc3\xa9], name: n}");
  assert_text(core.redis("TTL k"), "-1");
  core.answer("set_json", {text("k"), cachecore_bytes("\xff\0", 2), number(50000)});
  assert_true(core.answer("get_json", {text("k")}) == std::string("\xff\0", 2));
  assert_in_range(test_command_integer(core.server(), "PTTL k"), 1, 50000);
  assert_int_equal(core.call("get_json", {text("missing")}).status, CACHECORE_NOT_FOUND);
  assert_failed(core.call("set_json", {text("k"), cachecore_double(__builtin_nan(""))}), CACHECORE_INVALID_ARGUMENT,
                "finite");
}

// In a NIL argument nothing can be told from null, so null cannot be stored by itself.
void checks_the_kind(void **state) {
  kv_core &core = core_of(state);
  const struct {
    const char *json;
    const char *kind;
    bool fits;
  } cases[] = {
      {"{}", "map", true},     {"{}", "list", false},    {"[]", "list", true},    {"[]", "map", false},
      {"\"t\"", "text", true}, {"1", "int", true},       {"1", "double", true},   {"1.5", "double", true},
      {"1.5", "int", false},   {"\"t\"", "bytes", true}, {"true", "bool", true},  {"true", "int", false},
      {"null", "nil", true},   {"null", "map", false},   {"\"t\"", "int", false},
  };
  for (const auto &expected : cases) {
    free(test_command_text(core.server(), "SET k %s", expected.json));
    const outcome read = core.call("get_json", {text("k"), text(expected.kind)});
    assert_int_equal(read.status, expected.fits ? CACHECORE_OK : CACHECORE_CORRUPT);
    if (!expected.fits) assert_failed(read, CACHECORE_CORRUPT, expected.kind);
  }
  assert_failed(core.call("get_json", {text("k"), text("dict")}), CACHECORE_INVALID_ARGUMENT, "kind");
}

void names_the_key_but_not_its_content(void **state) {
  kv_core &core = core_of(state);
  for (const char *stored :
       {"{\"secret\": 1,}", "secret", "", "[1, 2", "{\"secret\": 1} x", "\xff", "{\"secret\":1,\"secret\":2}"}) {
    free(test_command_text(core.server(), "SET user:7 %s", stored));
    const outcome read = core.call("get_json", {text("user:7"), text("map")});
    assert_failed(read, CACHECORE_CORRUPT, "user:7");
    assert_true(read.message.find("secret") == std::string::npos);
  }
  core.redis("RPUSH list a");
  assert_failed(core.call("get_json", {text("list")}), CACHECORE_REJECTED, "WRONGTYPE");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(stores_any_value, empty_database),
      cmocka_unit_test_setup(checks_the_kind, empty_database),
      cmocka_unit_test_setup(names_the_key_but_not_its_content, empty_database),
  };
  return cmocka_run_group_tests(tests, start_core, stop_core);
}
