// New ids for sessions: rotated from time to time, and replaced at a login.

#include "groups.h"
#include "session_core.h"
#include "tests/support/unit.h"

namespace {

using namespace session_test;

test_server *server;
const session_core *core;

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  core = new session_core(test_server_url(server));
  return 0;
}

int stop(void **) {
  delete core;
  test_server_stop(server);
  return 0;
}

int empty(void **) {
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

// The key of the only session there is.
std::string only_session() {
  const std::vector<std::string> keys = keys_of(server, "{s??}:s:*");
  if (keys.size() != 1) test_die("there are %zu sessions", keys.size());
  return keys[0];
}

int64_t left_ms(const std::string &key) { return test_command_integer(server, ("PTTL " + key).c_str()); }

constexpr int64_t hour_ms = 3'600'000;

void a_rotated_id_follows_for_a_while(void **) {
  const std::string old = core->create("ada", {{"a", "1"}});
  const std::string old_key = only_session();
  const outcome renewed = core->ok("regenerate", {text(old)});
  const std::string id = renewed.at("id");
  assert_string_not_equal(id.c_str(), old.c_str());
  assert_text(renewed.attributes.at("a"), "1");
  assert_in_range(left_ms(old_key), 1, 10'000);
  // Who comes with the old one learns the new one, and whatever is done by it is done to the session.
  assert_text(core->get(old).at("id"), id);
  assert_text(core->update(old, {{"a", "2"}}).answer, "2");
  assert_true(std::stoll(core->ok("refresh", {text(old)}).answer) > 60'000);
  assert_text(core->get(id).attributes.at("a"), "2");
  assert_in_range(left_ms(old_key), 1, 10'000);
  assert_int_equal(core->count("ada"), 1);
  redis(server, "PEXPIRE " + old_key + " 0");
  assert_not_found(core->get(old));
  assert_ok(core->get(id));
}

void an_old_id_logs_out(void **) {
  const std::string old = core->create("ada");
  const std::string id = core->ok("regenerate", {text(old)}).at("id");
  assert_text(core->ok("destroy", {text(old)}).answer, "true");
  assert_not_found(core->get(id));
  assert_not_found(core->get(old));
  assert_int_equal(keys_of(server, "*").size(), 0);
}

void rotations_can_follow_each_other(void **) {
  const std::string first = core->create("ada");
  const std::string second = core->ok("regenerate", {text(first)}).at("id");
  const std::string third = core->ok("regenerate", {text(second)}).at("id");
  assert_text(core->get(first).at("id"), third);
  // The first one asks again: there is one successor, not a branch.
  assert_text(core->ok("regenerate", {text(first)}).at("id"), third);
  assert_int_equal(core->count("ada"), 1);
}

void an_old_id_of_nobody_ends_at_once(void **) {
  const std::string old = core->create("", {{"cart", "7"}});
  const outcome renewed = core->ok("regenerate", {text(old)});
  assert_not_found(core->get(old));
  assert_text(core->get(renewed.at("id")).attributes.at("cart"), "7");
  assert_int_equal(keys_of(server, "*").size(), 1);
}

void without_grace_an_old_id_ends_at_once(void **) {
  const session_core strict(test_server_url(server), R"({"grace_ms": 0})");
  const std::string old = strict.create("ada");
  const std::string id = strict.ok("regenerate", {text(old)}).at("id");
  assert_not_found(strict.get(old));
  assert_ok(strict.get(id));
}

// Session fixation: an id that somebody planted before the login is worth nothing after it.
void a_login_ends_the_old_id(void **) {
  for (const char *before : {"", "ada", "bob"}) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    const std::string planted = core->create(before, {{"cart", "7"}}, {number(hour_ms), number(2 * hour_ms)});
    const outcome in = core->ok("regenerate", {text(planted), text("ada")});
    assert_not_found(core->get(planted));
    const outcome found = core->get(in.at("id"));
    assert_text(found.at("user_id"), "ada");
    assert_text(in.at("user_id"), "ada");
    assert_text(found.attributes.at("cart"), "7");
    assert_text(found.at("version"), in.at("version"));
    assert_text(found.at("ends_at_ms"), in.at("ends_at_ms"));
    assert_int_equal(found.number("ends_at_ms") - found.number("created_at_ms"), 2 * hour_ms);
    assert_int_equal(core->count("ada"), 1);
    assert_int_equal(core->count("bob"), 0);
    assert_int_equal(keys_of(server, "*").size(), 2);
  }
}

void a_login_counts_among_the_users_sessions(void **) {
  const session_core one(test_server_url(server), R"({"max_per_user": 1})");
  const std::string at_home = one.create("ada");
  const std::string at_work = one.ok("regenerate", {text(one.create("")), text("ada")}).at("id");
  assert_not_found(one.get(at_home));
  // The only one there may be is replaced by itself.
  const std::string again = one.ok("regenerate", {text(at_work), text("ada")}).at("id");
  assert_ok(one.get(again));
  assert_int_equal(one.count("ada"), 1);
}

}  // namespace

int session_test::renewal_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_rotated_id_follows_for_a_while, empty),
      cmocka_unit_test_setup(an_old_id_logs_out, empty),
      cmocka_unit_test_setup(rotations_can_follow_each_other, empty),
      cmocka_unit_test_setup(an_old_id_of_nobody_ends_at_once, empty),
      cmocka_unit_test_setup(without_grace_an_old_id_ends_at_once, empty),
      cmocka_unit_test_setup(a_login_ends_the_old_id, empty),
      cmocka_unit_test_setup(a_login_counts_among_the_users_sessions, empty),
  };
  return cmocka_run_group_tests_name("renewal", tests, start, stop);
}
