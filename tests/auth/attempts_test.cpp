// attempt: limits by account and by address.

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

constexpr int64_t hour_ms = 3'600'000;

outcome attempt(const auth_core &core, const std::string &subject, int64_t limit, int64_t window_ms) {
  return core.ok("attempt", {text(subject), number(limit), number(window_ms)});
}

void as_many_as_the_limit_at_once(void ** /*state*/) {
  const auth_core core(shared_url());
  for (int left = 4; left >= 0; left--) {
    const outcome came = attempt(core, "account:ada", 5, hour_ms);
    assert_text(came["allowed"], "true");
    assert_int_equal(came.number("remaining"), left);
    assert_int_equal(came.number("retry_after_ms") > 0, left == 0);
  }
  const outcome refused = attempt(core, "account:ada", 5, hour_ms);
  assert_text(refused["allowed"], "false");
  assert_int_equal(refused.number("remaining"), 0);
  // One comes back after a fifth of the window, all after the window.
  assert_in_range(refused.number("retry_after_ms"), hour_ms / 5 - test_patience_ms(), hour_ms / 5);
  assert_in_range(refused.number("reset_after_ms"), hour_ms - test_patience_ms(), hour_ms);
  // What was refused does not count.
  const outcome again = attempt(core, "account:ada", 5, hour_ms);
  assert_true(again.number("retry_after_ms") <= refused.number("retry_after_ms"));
}

void accounts_and_addresses_are_limited_apart(void ** /*state*/) {
  const auth_core core(shared_url());
  // One address tries many accounts.
  for (int i = 0; i < 3; i++) {
    assert_text(attempt(core, "account:user" + std::to_string(i), 2, hour_ms)["allowed"], "true");
    assert_text(attempt(core, "address:203.0.113.7", 3, hour_ms)["allowed"], "true");
  }
  assert_text(attempt(core, "address:203.0.113.7", 3, hour_ms)["allowed"], "false");
  assert_text(attempt(core, "address:203.0.113.8", 3, hour_ms)["allowed"], "true");
  // Many addresses try one account.
  for (int i = 0; i < 2; i++) assert_text(attempt(core, "account:ada", 2, hour_ms)["allowed"], "true");
  assert_text(attempt(core, "account:ada", 2, hour_ms)["allowed"], "false");
  assert_text(attempt(core, "account:user0", 2, hour_ms)["allowed"], "true");
  for (const std::string &key : keys_of(shared_server(), "*")) {
    assert_true(key.starts_with("auth:a:{"));
    assert_true(key.find("203") == std::string::npos && key.find("ada") == std::string::npos);
  }
}

// The rule, with the server's time in hand: the script is given a key whose arrival time is known.
void one_comes_back_after_an_interval(void ** /*state*/) {
  const auth_core core(shared_url());
  attempt(core, "s", 10, hour_ms);
  const std::string key = keys_of(shared_server(), "auth:a:*").at(0);
  const auto set_arrival_ahead_by = [&](const std::string &us) {
    const std::string script =
        "local t = redis.call('TIME') redis.call('SET', KEYS[1], string.format('%.0f', t[1] * 1000000 + t[2] + "
        "ARGV[1]))";
    free(test_command_text(shared_server(), "EVAL %s 1 %s %s", script.c_str(), key.c_str(), us.c_str()));
  };
  set_arrival_ahead_by("3600000000");
  assert_text(attempt(core, "s", 10, hour_ms)["allowed"], "false");
  // Nine tenths of the window: the tenth attempt fits exactly.
  set_arrival_ahead_by("3240000000");
  const outcome fits = attempt(core, "s", 10, hour_ms);
  assert_text(fits["allowed"], "true");
  assert_text(attempt(core, "s", 10, hour_ms)["allowed"], "false");
  // A larger window's debt, or a clock set back, refuses for this window at most.
  set_arrival_ahead_by("999999999999");
  const outcome far = attempt(core, "s", 10, hour_ms);
  assert_text(far["allowed"], "false");
  assert_true(far.number("reset_after_ms") <= hour_ms);
}

void a_subject_is_forgotten(void ** /*state*/) {
  const auth_core core(shared_url());
  for (int i = 0; i < 20; i++) attempt(core, "s" + std::to_string(i), 2, 10);
  wait_for(shared_server(), "DBSIZE", "0");
}

void what_cannot_be_counted_is_refused(void ** /*state*/) {
  const auth_core core(shared_url());
  assert_failed(core.call("attempt", {text("s"), number(0), number(10)}), CACHECORE_INVALID_ARGUMENT, "limit");
  assert_failed(core.call("attempt", {text("s"), number(1), number(0)}), CACHECORE_INVALID_ARGUMENT, "window_ms");
  assert_failed(core.call("attempt", {text("s"), number(11), number(10)}), CACHECORE_INVALID_ARGUMENT,
                "one attempt a millisecond");
  assert_failed(core.call("attempt", {text("s"), number(1), number(INT64_MAX)}), CACHECORE_INVALID_ARGUMENT, "a year");
}

}  // namespace

int run_attempts() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(as_many_as_the_limit_at_once, empty_server),
      cmocka_unit_test_setup(accounts_and_addresses_are_limited_apart, empty_server),
      cmocka_unit_test_setup(one_comes_back_after_an_interval, empty_server),
      cmocka_unit_test_setup(a_subject_is_forgotten, empty_server),
      cmocka_unit_test_setup(what_cannot_be_counted_is_refused, empty_server),
  };
  return cmocka_run_group_tests_name("attempts", tests, nullptr, nullptr);
}
