// Many at once: rotations, sign-ins against revoke_all, attempts.

#include <algorithm>
#include <atomic>
#include <set>

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

constexpr int callers = 64;

void parallel_rotations_have_one_successor(void ** /*state*/) {
  // Two processes' worth of cores.
  const auth_core first(shared_url());
  const auth_core second(shared_url());
  outcome pair = first.ok("issue_pair", {text("ada")});
  for (int round = 0; round < (long_form() ? 200 : 5); round++) {
    std::vector<std::string> answers(callers);
    on_threads(callers, [&](int i) {
      const outcome came = (i % 2 == 0 ? first : second).rotate(pair["refresh_token"]);
      answers[static_cast<size_t>(i)] = came.is_ok() ? came["refresh_token"] + came["token"] : came.message;
    });
    const std::set<std::string> different(answers.begin(), answers.end());
    assert_int_equal(different.size(), 1);
    pair = first.rotate(pair["refresh_token"]);
    assert_true(pair.is_ok());
    assert_text(pair["refresh_token"] + pair["token"], answers[0]);
    assert_text(second.user_of(pair["token"]), "ada");
    assert_int_equal(first.listed("ada"), 1);
  }
}

// The ticket is from before; so whichever of both is first, nothing is left.
void a_sign_in_with_a_ticket_never_survives_revoke_all(void ** /*state*/) {
  const auth_core core(shared_url());
  int conflicts = 0;
  const int rounds = long_form() ? 20'000 : 150;
  for (int round = 0; round < rounds; round++) {
    const std::string ticket = core.ok("begin", {text("ada")}).answer;
    outcome issued;
    outcome paired;
    on_threads(3, [&](int i) {
      if (i == 0) issued = core.call("issue", {text("ada"), nil(), nil(), nil(), nil(), text(ticket)});
      if (i == 1) paired = core.call("issue_pair", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(ticket)});
      if (i == 2) core.ok("revoke_all", {text("ada")});
    });
    for (const outcome &each : {issued, paired}) {
      if (each.is_ok()) {
        assert_text(core.user_of(each["token"]), "NOT_FOUND");
      } else {
        assert_int_equal(each.status, CACHECORE_CONFLICT);
        conflicts++;
      }
    }
    assert_int_equal(core.listed("ada"), 0);
  }
  print_message("revoke_all was first %d times of %d\n", conflicts, 2 * rounds);
}

void rotation_against_revoke_all_leaves_nothing(void ** /*state*/) {
  const auth_core core(shared_url());
  for (int round = 0; round < (long_form() ? 20'000 : 150); round++) {
    const outcome pair = core.ok("issue_pair", {text("ada")});
    outcome rotated;
    on_threads(2, [&](int i) {
      if (i == 0) rotated = core.rotate(pair["refresh_token"]);
      if (i == 1) core.ok("revoke_all", {text("ada")});
    });
    if (rotated.is_ok()) {
      assert_text(core.user_of(rotated["token"]), "NOT_FOUND");
      assert_int_equal(core.rotate(rotated["refresh_token"]).status, CACHECORE_NOT_FOUND);
    } else {
      assert_int_equal(rotated.status, CACHECORE_NOT_FOUND);
    }
  }
}

void exactly_the_limit_is_allowed(void ** /*state*/) {
  const auth_core core(shared_url());
  std::atomic<int> allowed{0};
  on_threads(callers, [&](int) {
    if (core.ok("attempt", {text("account:ada"), number(10), number(36'000'000)})["allowed"] == "true") allowed++;
  });
  assert_int_equal(allowed, 10);
}

void the_maximum_holds_for_all_together(void ** /*state*/) {
  const auth_core core(shared_url());
  std::vector<std::string> tokens(callers);
  on_threads(callers, [&](int i) {
    tokens[static_cast<size_t>(i)] = core.ok("issue", {text("ada"), nil(), number(600'000), nil(), number(5)})["token"];
  });
  assert_int_equal(core.listed("ada"), 5);
  const auto lives = [&](const std::string &token) { return core.verify(token).is_ok(); };
  assert_int_equal(std::count_if(tokens.begin(), tokens.end(), lives), 5);
}

void plain_tokens_are_taken_over_once(void ** /*state*/) {
  const auth_core core(shared_url(), {R"({"migrate_from": {}})"});
  redis(shared_server(), "SET token:abc ada");
  redis(shared_server(), "SADD token_list:ada abc");
  std::atomic<int> good{0};
  on_threads(16, [&](int) {
    // Also for one that comes while another moves it: the token is in one place at least.
    if (core.user_of("abc") == "ada") good++;
  });
  assert_int_equal(good, 16);
  assert_int_equal(core.listed("ada"), 1);
  assert_text(redis(shared_server(), "EXISTS token:abc token_list:ada"), "0");
}

}  // namespace

int run_races() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(parallel_rotations_have_one_successor, empty_server),
      cmocka_unit_test_setup(a_sign_in_with_a_ticket_never_survives_revoke_all, empty_server),
      cmocka_unit_test_setup(rotation_against_revoke_all_leaves_nothing, empty_server),
      cmocka_unit_test_setup(exactly_the_limit_is_allowed, empty_server),
      cmocka_unit_test_setup(the_maximum_holds_for_all_together, empty_server),
      cmocka_unit_test_setup(plain_tokens_are_taken_over_once, empty_server),
  };
  return cmocka_run_group_tests_name("races", tests, nullptr, nullptr);
}
