// Sessions that several parties change at once: nothing comes back, nothing is lost, nobody is logged out.

#include <atomic>

#include "groups.h"
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
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

int64_t left_ms(const std::string &key) { return test_command_integer(server, ("PTTL " + key).c_str()); }

std::vector<std::string> sessions() { return keys_of(server, "{s??}:s:*"); }

void a_logout_that_races_with_updates_is_never_undone(void **) {
  const int rounds = is_long() ? 2'000 : 100;
  std::atomic<int> wrong = 0;
  for (int round = 0; round < rounds; round++) {
    const std::string id = core->create("ada");
    on_threads(3, [&](int thread) {
      if (thread == 0) {
        core->ok("destroy", {text(id)});
        if (core->update(id, {{"back", "1"}}).status != CACHECORE_NOT_FOUND) wrong++;
        return;
      }
      for (int i = 0; i < 5; i++) {
        const outcome came =
            thread == 1 ? core->update(id, {{"a", std::to_string(i)}}) : core->call("refresh", {text(id)});
        if (came.status != CACHECORE_OK && came.status != CACHECORE_NOT_FOUND) wrong++;
      }
    });
    if (core->get(id).status != CACHECORE_NOT_FOUND) wrong++;
  }
  assert_int_equal(wrong, 0);
  assert_int_equal(core->count("ada"), 0);
  assert_int_equal(keys_of(server, "*").size(), 0);
}

void a_logout_everywhere_that_races_is_never_undone(void **) {
  const int rounds = is_long() ? 1'000 : 50;
  std::atomic<int> wrong = 0;
  for (int round = 0; round < rounds; round++) {
    const std::string id = core->create("ada");
    on_threads(4, [&](int thread) {
      if (thread == 0) core->ok("destroy_all", {text("ada")});
      if (thread == 1) core->update(id, {{"a", "1"}});
      if (thread == 2) (void)core->get(id);
      if (thread == 3) (void)core->call("regenerate", {text(id)});
    });
    if (core->get(id).status != CACHECORE_NOT_FOUND) wrong++;
    if (core->count("ada") != 0) wrong++;
  }
  assert_int_equal(wrong, 0);
  redis(server, "DEL " + keys_of(server, "*:d:*").at(0));
  for (const std::string &key : keys_of(server, "*")) assert_true(left_ms(key) <= 10'000);  // forwards alone
}

void concurrent_updates_lose_nothing(void **) {
  constexpr int threads = 8;
  const int updates = is_long() ? 500 : 50;
  const std::string id = core->create("ada", {{"sum", "0"}});
  std::atomic<int> wrong = 0;
  on_threads(threads, [&](int thread) {
    const std::string own = "own" + std::to_string(thread);
    for (int i = 1; i <= updates; i++) {
      if (!core->update(id, {{own, std::to_string(i)}}).ok()) wrong++;
      // What is made from what was read needs the version that was read.
      for (;;) {
        const outcome read = core->get(id);
        const std::string sum = std::to_string(std::stoll(read.attributes.at("sum")) + 1);
        const outcome came = core->update(id, {{"sum", sum}}, number(read.number("version")));
        if (came.ok()) break;
        if (came.status != CACHECORE_CONFLICT) wrong++;
      }
    }
  });
  assert_int_equal(wrong, 0);
  const outcome found = core->get(id);
  assert_text(found.attributes.at("sum"), std::to_string(threads * updates));
  for (int thread = 0; thread < threads; thread++)
    assert_text(found.attributes.at("own" + std::to_string(thread)), std::to_string(updates));
  assert_text(found.at("version"), std::to_string(1 + 2 * threads * updates));
}

void a_burst_over_rotations_is_never_logged_out(void **) {
  const int rotations = is_long() ? 300 : 20;
  std::string id = core->create("ada");
  std::atomic<int> wrong = 0;
  for (int round = 0; round < rotations; round++) {
    std::vector<std::string> learned(8);
    on_threads(8, [&](int thread) {
      // A page that loads eight things, each of which may rotate the id.
      std::string cookie = id;
      for (int i = 0; i < 4; i++) {
        outcome came = thread % 4 == i ? core->call("regenerate", {text(cookie)}) : core->get(cookie);
        if (!came.ok() || came.at("user_id") != "ada") wrong++;
        if (came.ok()) cookie = came.at("id");
        if (!core->update(id, {{"a", std::to_string(i)}}).ok()) wrong++;
      }
      learned[static_cast<size_t>(thread)] = cookie;
    });
    // Whichever answer the browser saw last, its cookie is good.
    for (const std::string &cookie : learned) {
      if (!core->get(cookie).ok()) wrong++;
    }
    id = core->get(learned[static_cast<size_t>(round % 8)]).at("id");
  }
  assert_int_equal(wrong, 0);
  assert_int_equal(core->count("ada"), 1);
}

void rotations_at_once_agree_on_one_id(void **) {
  const std::string old = core->create("ada");
  std::vector<std::string> made(16);
  on_threads(16, [&](int thread) { made[static_cast<size_t>(thread)] = core->ok("regenerate", {text(old)}).at("id"); });
  for (const std::string &id : made) assert_text(id, made[0]);
  assert_int_equal(core->count("ada"), 1);
}

void logins_at_once_leave_one_session(void **) {
  const int rounds = is_long() ? 200 : 10;
  for (int round = 0; round < rounds; round++) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    const std::string guest = core->create("", {{"cart", "0"}});
    std::atomic<int> in = 0;
    on_threads(8, [&](int thread) {
      // Half of them change the cart meanwhile: what is in it is not lost.
      if (thread % 2 == 1) {
        core->update(guest, {{"cart", "1"}});
        return;
      }
      const outcome came = core->call("regenerate", {text(guest), text("ada")});
      if (came.ok()) in++;
      if (!came.ok() && came.status != CACHECORE_NOT_FOUND) test_die("%s", came.message.c_str());
    });
    assert_int_equal(in, 1);
    wait_until("what was made in vain is taken back", [] { return core->count("ada") == 1; });
    assert_not_found(core->get(guest));
  }
}

// A get reads, is overtaken by `meanwhile`, and then writes that the session is in use.
void overtaken(const std::string &id, const std::string &key, const std::function<void()> &meanwhile) {
  // The first one learns the server's time, and that it does not evict.
  assert_ok(behind->get(id));
  let_pass(server, key, 25 * 60'000);
  test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
  const int64_t before = test_proxy_count(proxy).received[TEST_TO_CLIENT];
  pending get(*behind, "get", {text(id)});
  assert_int_equal(test_proxy_wait_received(proxy, TEST_TO_CLIENT, before + 1, test_patience_ms()), 1);
  meanwhile();
  test_proxy_hold(proxy, TEST_TO_CLIENT, 0);
  const outcome came = get.wait();
  assert_ok(came);
  assert_text(came.at("user_id"), "ada");
}

void a_rotation_between_reading_and_writing_keeps_the_user(void **) {
  const std::string old = core->create("ada");
  const std::string key = sessions().at(0);
  std::string id;
  overtaken(old, key, [&] { id = core->ok("regenerate", {text(old)}).at("id"); });
  assert_ok(core->get(id));
  assert_int_equal(core->count("ada"), 1);
  assert_in_range(left_ms(key), 1, 10'000);
  const std::string index = keys_of(server, "*:u:*").at(0);
  assert_int_equal(test_command_integer(server, ("ZCARD " + index).c_str()), 1);
  for (const std::string &each : sessions()) {
    if (each != key) assert_true(left_ms(each) > 29 * 60'000);
  }
}

void a_logout_between_reading_and_writing_stays(void **) {
  const std::string id = core->create("ada");
  overtaken(id, sessions().at(0), [&] { core->ok("destroy", {text(id)}); });
  assert_int_equal(keys_of(server, "*").size(), 0);
  assert_not_found(core->get(id));
}

void a_login_between_reading_and_writing_stays(void **) {
  const std::string old = core->create("ada");
  overtaken(old, sessions().at(0), [&] { core->ok("regenerate", {text(old), text("ada")}); });
  assert_not_found(core->get(old));
  assert_int_equal(core->count("ada"), 1);
  assert_int_equal(sessions().size(), 1);
}

// A write that fails does not cost the user a session that could be read.
void a_use_that_cannot_be_written_is_still_answered(void **) {
  const std::string id = core->create("ada");
  assert_ok(behind->get(id));
  let_pass(server, sessions().at(0), 25 * 60'000);
  redis(server, "CONFIG SET min-replicas-to-write 1");
  const outcome came = behind->get(id);
  redis(server, "CONFIG SET min-replicas-to-write 0");
  assert_ok(came);
  assert_text(came.at("user_id"), "ada");
}

}  // namespace

int session_test::races_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_logout_that_races_with_updates_is_never_undone, empty),
      cmocka_unit_test_setup(a_logout_everywhere_that_races_is_never_undone, empty),
      cmocka_unit_test_setup(concurrent_updates_lose_nothing, empty),
      cmocka_unit_test_setup(a_burst_over_rotations_is_never_logged_out, empty),
      cmocka_unit_test_setup(rotations_at_once_agree_on_one_id, empty),
      cmocka_unit_test_setup(logins_at_once_leave_one_session, empty),
      cmocka_unit_test_setup(a_rotation_between_reading_and_writing_keeps_the_user, empty),
      cmocka_unit_test_setup(a_logout_between_reading_and_writing_stays, empty),
      cmocka_unit_test_setup(a_login_between_reading_and_writing_stays, empty),
      cmocka_unit_test_setup(a_use_that_cannot_be_written_is_still_answered, empty),
  };
  return cmocka_run_group_tests_name("races", tests, start, stop);
}
