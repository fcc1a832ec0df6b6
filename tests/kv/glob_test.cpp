// Patterns: against a table, and against Redis itself.

#include <cachecore/plugin/glob.hpp>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/support.h"
#include "tests/support/unit.h"

using cachecore::plugin::escape_glob;
using cachecore::plugin::glob_matches;

namespace {

void matches_as_written(void **) {
  const struct {
    const char *pattern;
    const char *text;
    bool matches;
  } cases[] = {
      {"", "", true},          {"", "a", false},
      {"*", "", true},         {"*", "abc", true},
      {"a*", "abc", true},     {"*c", "abc", true},
      {"a*c", "abc", true},    {"a*b", "abc", false},
      {"a**c", "abc", true},   {"?", "a", true},
      {"?", "", false},        {"a?c", "abc", true},
      {"[abc]", "b", true},    {"[abc]", "d", false},
      {"[^abc]", "d", true},   {"[^abc]", "a", false},
      {"[a-c]x", "bx", true},  {"[c-a]x", "bx", true},
      {"[a-c]", "d", false},   {"\\*", "*", true},
      {"\\*", "a", false},     {"[\\]]", "]", true},
      {"[a\\-c]", "b", false}, {"[a\\-c]", "-", true},
      {"a\\", "a\\", true},    {"*a*b*c", "xxaxxbxxc", true},
      {"*ab", "aab", true},    {"[a", "a", true},
  };
  for (const auto &expected : cases) {
    if (glob_matches(expected.pattern, expected.text) != expected.matches)
      print_error("%s on %s\n", expected.pattern, expected.text);
    assert_int_equal(glob_matches(expected.pattern, expected.text), expected.matches);
  }
}

void escapes(void **) {
  const std::string odd = "a*b?c[d]e\\f^-";
  assert_true(glob_matches(escape_glob(odd), odd));
  assert_string_equal(escape_glob("app[1]:").c_str(), "app\\[1\\]:");
  assert_false(glob_matches(escape_glob("a*"), "ab"));
}

void takes_no_exponential_time(void **) {
  std::string pattern;
  for (int i = 0; i < 40; i++) pattern += "*a";
  assert_false(glob_matches(pattern + "*b", std::string(5000, 'a')));
}

// Random short patterns and texts over few characters; the server's answer is the right one.
void agrees_with_redis(void **) {
  test_server *server = test_server_start(nullptr, nullptr);
  const std::vector<std::string> elements = {"a", "b", "c",  "*",     "?",    "[",     "]",
                                             "^", "-", "\\", "[a-b]", "[^b]", "[c-a]", "a"};
  uint32_t random = 12345;
  const auto pick = [&random](size_t below) {
    random = random * 1664525u + 1013904223u;
    return static_cast<size_t>(random >> 8) % below;
  };
  const auto make = [&](size_t longest, size_t kinds) {
    std::string made;
    for (size_t size = 1 + pick(longest); size > 0; size--) made += elements[pick(kinds)];
    return made;
  };
  const char *script =
      "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do if key == ARGV[2] then return 1 end end return 0";
  int matches = 0;
  int misses = 0;
  for (int round = 0; round < 300; round++) {
    const std::string pattern = make(5, elements.size());
    free(test_command_text(server, "FLUSHALL"));
    for (int i = 0; i < 10; i++) {
      const std::string text = make(4, i < 7 ? 3 : 10);
      free(test_command_text(server, "SET %s 1", text.c_str()));
      const bool theirs = test_command_integer(server, "EVAL %s 0 %s %s", script, pattern.c_str(), text.c_str()) == 1;
      if (glob_matches(pattern, text) != theirs) print_error("pattern %s on %s\n", pattern.c_str(), text.c_str());
      assert_int_equal(glob_matches(pattern, text), theirs);
      (theirs ? matches : misses)++;
    }
  }
  assert_true(matches > 50 && misses > 50);
  test_server_stop(server);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(matches_as_written),
      cmocka_unit_test(escapes),
      cmocka_unit_test(takes_no_exponential_time),
      cmocka_unit_test(agrees_with_redis),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
