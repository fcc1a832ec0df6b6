// Sessions whose caller has gone: none of them stays, and nobody loses the one they had.

#include "groups.h"
#include "monitored.h"
#include "session_core.h"
#include "tests/support/unit.h"

namespace {

using namespace session_test;

test_server *server;
test_proxy *proxy;
const session_core *core;    // straight to the server
const session_core *behind;  // through the proxy

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  proxy = test_proxy_start(server);
  core = new session_core(test_server_url(server));
  behind = new session_core(test_proxy_url(proxy));
  return 0;
}

int stop(void **) {
  delete behind;
  delete core;
  test_proxy_stop(proxy);
  test_server_stop(server);
  return 0;
}

int empty(void **) {
  test_proxy_clear(proxy);
  assert_text(redis(server, "FLUSHALL"), "OK");
  // The server has been looked at, and the scripts are there.
  behind->ok("regenerate", {text(behind->create("warm"))});
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

int64_t left_ms(const std::string &key) { return test_command_integer(server, ("PTTL " + key).c_str()); }

enum class leaving { cancelled, too_late, unread, cut_off };

// Calls a method whose answer reaches nobody, though the server has done what was asked: `done` tells.
void call_and_leave(leaving how, const char *method, const values &args, const std::function<bool()> &done) {
  if (how == leaving::unread) {
    pending call(*behind, method, args);
    call.wait_until_ended();
    call.abandon();
    return;
  }
  test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
  pending call(*behind, method, args, how == leaving::too_late ? 300 : 0);
  wait_until("the server does it", done);
  if (how == leaving::cancelled) call.cancel();
  if (how == leaving::cut_off) {
    // Nothing can be asked again either.
    test_proxy_refuse(proxy, 1);
    test_proxy_disconnect(proxy);
  }
  const outcome came = call.wait();
  assert_failed(came, CACHECORE_UNCERTAIN, "");
  test_proxy_refuse(proxy, 0);
  test_proxy_hold(proxy, TEST_TO_CLIENT, 0);
}

constexpr leaving all_ways[] = {leaving::cancelled, leaving::too_late, leaving::unread, leaving::cut_off};

void a_session_that_nobody_has_heard_of_ends(void **) {
  for (const leaving how : all_ways) {
    call_and_leave(how, "create", {text("ada")}, [] { return core->count("ada") == 1; });
    wait_until("the session is taken back", [] { return core->count("ada") == 0; });
    assert_text(core->ok("list", {text("ada")}).answer, "[]");
  }
}

void a_request_that_is_still_on_its_way_comes_to_nothing(void **) {
  monitored seen(server);
  call_and_leave(leaving::cancelled, "create", {text("ada")}, [] { return core->count("ada") == 1; });
  wait_until("the session is taken back", [] { return core->count("ada") == 0; });
  // The request once more, as a slow network would bring it.
  size_t found = 0;
  for (const auto &command : seen.commands()) {
    // EVALSHA, digest, 1, key, home, hash, user ...
    if (command.size() > 10 && command[0] == "EVALSHA" && command[6] == "ada") {
      assert_text(run(server, command), "[3]");
      found++;
    }
  }
  assert_int_equal(found, 1);
  assert_int_equal(core->count("ada"), 0);
}

void a_rotation_that_nobody_has_heard_of_leaves_the_old_id(void **) {
  for (const leaving how : all_ways) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    const std::string old = core->create("ada", {{"a", "1"}});
    const std::string key = keys_of(server, "{s??}:s:*").at(0);
    call_and_leave(how, "regenerate", {text(old)},
                   [&] { return redis(server, "HEXISTS " + key + " moved_to") == "1"; });
    wait_until("the old id is kept", [&] { return left_ms(key) > 60'000; });
    assert_int_equal(core->count("ada"), 1);
    // It lives as long as the session, whose use it is.
    redis(server, "PEXPIRE " + key + " 60000");
    core->ok("refresh", {text(old)});
    assert_true(left_ms(key) > 29 * 60'000);
    const outcome found = core->get(old);
    assert_text(found.attributes.at("a"), "1");
    // The next rotation is heard of: then the old id goes as ever.
    const std::string id = core->ok("regenerate", {text(old)}).at("id");
    assert_in_range(left_ms(key), 1, 10'000);
    redis(server, "PEXPIRE " + key + " 0");
    assert_not_found(core->get(old));
    assert_text(core->get(id).attributes.at("a"), "1");
    assert_int_equal(core->count("ada"), 1);
  }
}

// The forward is gone before the rotation is taken back.
void a_rotation_is_taken_back_after_the_grace(void **) {
  const std::string old = core->create("ada");
  const std::string key = keys_of(server, "{s??}:s:*").at(0);
  test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
  pending call(*behind, "regenerate", {text(old)});
  wait_until("the server does it", [&] { return redis(server, "HEXISTS " + key + " moved_to") == "1"; });
  redis(server, "PEXPIRE " + key + " 0");
  assert_not_found(core->get(old));
  call.cancel();
  assert_failed(call.wait(), CACHECORE_UNCERTAIN, "");
  test_proxy_hold(proxy, TEST_TO_CLIENT, 0);
  wait_until("the old id is good again", [&] { return core->get(old).ok(); });
  const std::string id = core->ok("regenerate", {text(old)}).at("id");
  assert_text(core->get(old).at("user_id"), "ada");
  redis(server, "PEXPIRE " + key + " 0");
  assert_not_found(core->get(old));
  assert_ok(core->get(id));
}

// The key of the session that was taken back, if there is one.
bool something_was_taken_back() {
  for (const std::string &key : keys_of(server, "{s??}:s:*")) {
    if (redis(server, "HEXISTS " + key + " taken_back") == "1") return true;
  }
  return false;
}

void a_login_that_nobody_has_heard_of_ends(void **) {
  const std::string guest = core->create("");
  call_and_leave(leaving::unread, "regenerate", {text(guest), text("ada")}, [] { return true; });
  wait_until("the session is taken back", something_was_taken_back);
  assert_int_equal(core->count("ada"), 0);
}

// It is given up while the new session is being made: who was not logged in still is not, and has what they had.
void a_login_that_is_given_up_leaves_the_guest(void **) {
  const std::string guest = core->create("", {{"cart", "7"}});
  assert_text(redis(server, "CLIENT PAUSE 600000 WRITE"), "OK");
  const int64_t before = test_proxy_count(proxy).received[TEST_TO_SERVER];
  pending login(*behind, "regenerate", {text(guest), text("ada")});
  // More than the read: the script that makes the session has been sent, and waits in the server.
  assert_int_equal(test_proxy_wait_received(proxy, TEST_TO_SERVER, before + 300, test_patience_ms()), 1);
  login.cancel();
  assert_failed(login.wait(), CACHECORE_UNCERTAIN, "");
  assert_text(redis(server, "CLIENT UNPAUSE"), "OK");
  wait_until("the session is taken back", something_was_taken_back);
  assert_int_equal(core->count("ada"), 0);
  assert_text(core->get(guest).attributes.at("cart"), "7");
}

// A lost answer is asked for again, and is about the same session.
void a_lost_answer_is_asked_for_again(void **) {
  test_proxy_cut_once(proxy, TEST_TO_CLIENT, 0);
  const std::string id = behind->create("ada");
  assert_int_equal(test_proxy_count(proxy).cut, 1);
  assert_ok(core->get(id));
  assert_int_equal(core->count("ada"), 1);

  test_proxy_cut_once(proxy, TEST_TO_CLIENT, 0);
  const outcome updated = behind->update(id, {{"a", "1"}}, number(1));
  assert_text(updated.answer, "2");

  test_proxy_cut_once(proxy, TEST_TO_CLIENT, 0);
  const std::string renewed = behind->ok("regenerate", {text(id)}).at("id");
  assert_ok(core->get(renewed));
  assert_int_equal(core->count("ada"), 1);

  core->create("ada");
  test_proxy_cut_once(proxy, TEST_TO_CLIENT, 0);
  assert_text(behind->ok("destroy_all", {text("ada")}).answer, "2");
  assert_int_equal(test_proxy_count(proxy).cut, 4);
}

}  // namespace

int session_test::grants_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_session_that_nobody_has_heard_of_ends, empty),
      cmocka_unit_test_setup(a_request_that_is_still_on_its_way_comes_to_nothing, empty),
      cmocka_unit_test_setup(a_rotation_that_nobody_has_heard_of_leaves_the_old_id, empty),
      cmocka_unit_test_setup(a_rotation_is_taken_back_after_the_grace, empty),
      cmocka_unit_test_setup(a_login_that_nobody_has_heard_of_ends, empty),
      cmocka_unit_test_setup(a_login_that_is_given_up_leaves_the_guest, empty),
      cmocka_unit_test_setup(a_lost_answer_is_asked_for_again, empty),
  };
  return cmocka_run_group_tests_name("grants", tests, start, stop);
}
