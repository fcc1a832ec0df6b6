// Pairs: issue_pair and rotate, one caller at a time (races_test.cpp: many).

#include <cstring>

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

// Waits until the grace of what was rotated is over.
void let_the_grace_pass() {
  struct {
  } context;
  const auto over = [](void *) { return keys_of(shared_server(), "auth:*:r:*").empty() ? 1 : 0; };
  if (test_wait_until(over, &context, test_patience_ms()) == 0) test_die("a grace does not end");
}

constexpr const char *short_grace = R"({"rotation_grace_ms": 20})";

void a_pair_rotates(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome first =
      core.ok("issue_pair", {text("ada"), text("m"), number(60'000), number(600'000), text("laptop")});
  const outcome found = core.verify(first["token"]);
  assert_text(found["user_id"], "ada");
  assert_text(found["pair"], "true");
  const outcome second = core.rotate(first["refresh_token"]);
  assert_string_not_equal(second["token"].c_str(), first["token"].c_str());
  assert_string_not_equal(second["refresh_token"].c_str(), first["refresh_token"].c_str());
  assert_text(second["handle"], first["handle"]);
  assert_text(second["refresh_expires_at"], first["refresh_expires_at"]);
  const outcome now = core.verify(second["token"]);
  assert_text(now["metadata"], "m");
  assert_text(now["device"], "laptop");
  // Requests under way with the token before still pass; the one before that has ended.
  assert_text(core.user_of(first["token"]), "ada");
  const outcome third = core.rotate(second["refresh_token"]);
  assert_text(core.user_of(first["token"]), "NOT_FOUND");
  assert_text(core.user_of(second["token"]), "ada");
  assert_text(core.user_of(third["token"]), "ada");
  assert_int_equal(core.listed("ada"), 1);
}

void within_the_grace_the_successor_is_the_same(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome pair = core.ok("issue_pair", {text("ada")});
  const outcome first = core.rotate(pair["refresh_token"]);
  const outcome again = core.rotate(pair["refresh_token"]);
  assert_text(again.answer, first.answer);
  // Also when the successor was rotated meanwhile.
  const outcome second = core.rotate(first["refresh_token"]);
  assert_text(core.rotate(pair["refresh_token"]).answer, first.answer);
  assert_text(core.rotate(first["refresh_token"]).answer, second.answer);
  assert_text(core.user_of(second["token"]), "ada");
}

void reuse_after_the_grace_ends_the_family(void ** /*state*/) {
  const auth_core core(shared_url(), {short_grace});
  const outcome other = core.ok("issue_pair", {text("ada")});
  const outcome pair = core.ok("issue_pair", {text("ada")});
  const outcome second = core.rotate(pair["refresh_token"]);
  let_the_grace_pass();
  assert_failed(core.rotate(pair["refresh_token"]), CACHECORE_CONFLICT, "sign in anew");
  assert_int_equal(core.rotate(second["refresh_token"]).status, CACHECORE_NOT_FOUND);
  assert_text(core.user_of(second["token"]), "NOT_FOUND");
  assert_text(core.user_of(pair["token"]), "NOT_FOUND");
  assert_text(core.user_of(other["token"]), "ada");
  assert_int_equal(core.listed("ada"), 1);
  assert_contains(core.logged(), "auth: a refresh token was used again");
}

void reuse_of_an_older_generation_ends_the_family(void ** /*state*/) {
  const auth_core core(shared_url(), {short_grace});
  const outcome pair = core.ok("issue_pair", {text("ada")});
  const outcome second = core.rotate(pair["refresh_token"]);
  const outcome third = core.rotate(second["refresh_token"]);
  const outcome fourth = core.rotate(third["refresh_token"]);
  let_the_grace_pass();
  assert_int_equal(core.rotate(second["refresh_token"]).status, CACHECORE_CONFLICT);
  assert_text(core.user_of(fourth["token"]), "NOT_FOUND");
  wait_for(shared_server(), "DBSIZE", "0");
}

void the_family_never_outlives_its_first_expiry(void ** /*state*/) {
  const auth_core core(shared_url());
  outcome pair = core.ok("issue_pair", {text("ada"), nil(), number(3'600'000), number(60'000)});
  const std::string ends = pair["refresh_expires_at"];
  // A token of a pair does not outlive the pair.
  assert_text(pair["expires_at"], ends);
  const std::string family = keys_of(shared_server(), "auth:*:f:*").at(0);
  for (int i = 0; i < 20; i++) {
    pair = core.rotate(pair["refresh_token"]);
    assert_text(pair["refresh_expires_at"], ends);
    assert_text(pair["expires_at"], ends);
    assert_text(redis(shared_server(), "PEXPIRETIME " + family), ends);
  }
}

void any_token_of_a_pair_ends_it(void ** /*state*/) {
  const auth_core core(shared_url());
  for (const char *by : {"token", "refresh_token", "handle"}) {
    const outcome pair = core.ok("issue_pair", {text("ada")});
    const outcome second = core.rotate(pair["refresh_token"]);
    assert_text(core.ok("revoke", {text((strcmp(by, "handle") == 0 ? pair : second)[by])}).answer, "true");
    assert_int_equal(core.rotate(second["refresh_token"]).status, CACHECORE_NOT_FOUND);
    assert_int_equal(core.rotate(pair["refresh_token"]).status, CACHECORE_NOT_FOUND);
    assert_text(core.user_of(pair["token"]), "NOT_FOUND");
    assert_text(core.user_of(second["token"]), "NOT_FOUND");
    assert_int_equal(core.listed("ada"), 0);
  }
}

void expire_of_a_refresh_token_shortens_the_pair(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome pair = core.ok("issue_pair", {text("ada")});
  const outcome second = core.rotate(pair["refresh_token"]);
  const std::string ends = core.ok("expire", {text(second["refresh_token"]), number(30'000)}).answer;
  assert_text(core.verify(pair["token"])["expires_at"], ends);
  assert_text(core.verify(second["token"])["expires_at"], ends);
  const outcome third = core.rotate(second["refresh_token"]);
  assert_text(third["refresh_expires_at"], ends);
  assert_text(third["expires_at"], ends);
  // Of one token of the pair alone: the pair goes on.
  assert_true(std::stoll(core.ok("expire", {text(third["token"]), number(10'000)}).answer) < std::stoll(ends));
  assert_text(core.rotate(third["refresh_token"])["refresh_expires_at"], ends);
}

void a_refresh_token_of_another_making_is_not_found(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome pair = core.ok("issue_pair", {text("ada")});
  redis(shared_server(), "FLUSHALL");
  assert_int_equal(core.rotate(pair["refresh_token"]).status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.rotate("cc_r_nonsense").status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.rotate("something else entirely").status, CACHECORE_NOT_FOUND);
}

void scripts_may_be_forgotten(void ** /*state*/) {
  const auth_core core(shared_url());
  outcome pair = core.ok("issue_pair", {text("ada")});
  for (int i = 0; i < 3; i++) {
    redis(shared_server(), "SCRIPT FLUSH");
    pair = core.rotate(pair["refresh_token"]);
    assert_true(pair.is_ok());
  }
  assert_text(core.user_of(pair["token"]), "ada");
}

}  // namespace

int run_pairs() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_pair_rotates, empty_server),
      cmocka_unit_test_setup(within_the_grace_the_successor_is_the_same, empty_server),
      cmocka_unit_test_setup(reuse_after_the_grace_ends_the_family, empty_server),
      cmocka_unit_test_setup(reuse_of_an_older_generation_ends_the_family, empty_server),
      cmocka_unit_test_setup(the_family_never_outlives_its_first_expiry, empty_server),
      cmocka_unit_test_setup(any_token_of_a_pair_ends_it, empty_server),
      cmocka_unit_test_setup(expire_of_a_refresh_token_shortens_the_pair, empty_server),
      cmocka_unit_test_setup(a_refresh_token_of_another_making_is_not_found, empty_server),
      cmocka_unit_test_setup(scripts_may_be_forgotten, empty_server),
  };
  return cmocka_run_group_tests_name("pairs", tests, nullptr, nullptr);
}
