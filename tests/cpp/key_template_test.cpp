// Keys made from templates.
#include "tests/cpp/check.h"

using cachecore::key_template;

namespace {

void fills_in_order() {
  CHECK(key_template("user:{user_id}").expand(42) == "user:42");
  CHECK(key_template("user:{user_id}:page:{page}").expand("ada", 3U) == "user:ada:page:3");
  CHECK(key_template("{a}:{b}").expand(true, -1) == "true:-1");
  CHECK(key_template("{a} - {b}-x").expand("1-2", "3") == "1-2 - 3-x");
  CHECK(key_template("rate:{r}").expand(0.5) == "rate:0.5");
  CHECK(key_template("all").expand() == "all");
  CHECK(key_template("user:{id}").expand(std::numeric_limits<int64_t>::min()) == "user:-9223372036854775808");
}

void arguments_cannot_reach_into_others() {
  const key_template two("k:{a}:{b}");
  CHECK(two.expand("1:2", "3") != two.expand("1", "2:3"));
  CHECK(two.expand("1:2", "3") == "k:1%3A2:3");
  CHECK(two.expand("%3A", "") == "k:%253A:");
  CHECK(key_template("k:{a}").expand("*?[a]\\{x}") == "k:%2A%3F%5Ba%5D%5C%7Bx%7D");
  CHECK(key_template("k:{a}").expand(std::string("a\n\0 b", 5)) == "k:a%0A%00%20b");
  CHECK(key_template("k:{a}").expand("grüße") == "k:grüße");
}

void wrong_number_of_arguments() {
  const key_template one("user:{user_id}");
  const auto reason = check::error_of([&] { (void)one.expand(); });
  CHECK(reason.status() == cachecore::status::invalid_argument);
  CHECK(check::contains(reason.message(), "user:{user_id}"));
  CHECK(check::status_of([&] { (void)one.expand(1, 2); }) == cachecore::status::invalid_argument);
}

void malformed() {
  for (const char *text : {"user:{", "user:}", "user:{}", "user:{a", "{a{b}}", "{a}}"}) {
    CHECK(check::status_of([&] { (void)key_template(text); }) == cachecore::status::invalid_argument);
  }
}

// "{a}-{b}" of ("1-2", "3") and of ("1", "2-3") would be one key.
void placeholders_are_separated() {
  for (const char *text : {"{a}{b}", "{a}-{b}", "k:{a}:{b}%{c}", "{a}/{b}:"}) {
    const auto reason = check::error_of([&] { (void)key_template(text); });
    CHECK(reason.status() == cachecore::status::invalid_argument);
    CHECK(check::contains(reason.message(), "':'") && check::contains(reason.message(), text));
  }
}

void prefixes() {
  CHECK(key_template("user:{user_id}").prefix() == "user");
  CHECK(key_template("shop/users/{id}").prefix() == "shop/users");
  CHECK(key_template("page").prefix() == "page");
  CHECK(key_template("{a}").prefix().empty());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<fills_in_order>),
      cmocka_unit_test(check::run<arguments_cannot_reach_into_others>),
      cmocka_unit_test(check::run<wrong_number_of_arguments>),
      cmocka_unit_test(check::run<malformed>),
      cmocka_unit_test(check::run<placeholders_are_separated>),
      cmocka_unit_test(check::run<prefixes>),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
