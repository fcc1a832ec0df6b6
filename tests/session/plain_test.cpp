// Sessions of another system, in plain keys: taken over at their first touch, once, and then only where they lead.

#include <algorithm>
#include <atomic>
#include <cstring>

#include "groups.h"
#include "monitored.h"
#include "session_core.h"
#include "tests/support/unit.h"

namespace {

using namespace session_test;

test_server *server;
const session_core *core;

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  core = new session_core(test_server_url(server), R"({"migrate_from": "session:", "idle_ms": 600000})");
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

// An id as uuid4 and token_urlsafe make them.
const std::string plain_id = "0b0e9d26-3f3e-4f7c-9d0b-6d1f9e0a7c55";
const std::string plain_key = "session:" + plain_id;

int64_t left_ms(const std::string &key) { return test_command_integer(server, ("PTTL " + key).c_str()); }

void json_is_taken_over(void **) {
  run(server, {"SET", plain_key, R"({"user_id": 42, "name": "Ada", "roles": ["a", "b"], "none": null})", "EX", "1800"});
  const outcome found = core->get(plain_id);
  assert_ok(found);
  assert_text(found.at("id"), plain_id);
  assert_text(found.at("user_id"), "42");
  assert_text(found.attributes.at("user_id"), "42");
  assert_text(found.attributes.at("name"), "Ada");
  assert_text(found.attributes.at("roles"), "[a, b]");
  assert_int_equal(found.attributes.size(), 3);
  assert_int_equal(core->count("42"), 1);
  assert_text(core->get(plain_id).answer, found.answer);
  assert_int_equal(core->count("42"), 1);
}

void hashes_are_taken_over(void **) {
  run(server, {"HSET", plain_key, "user_id", "ada", "theme", "dark"});
  assert_text(core->update(plain_id, {{"theme", "light"}}).answer, "2");
  const outcome found = core->get(plain_id);
  assert_text(found.at("user_id"), "ada");
  assert_text(found.attributes.at("theme"), "light");
  assert_text(redis(server, "TYPE " + plain_key), "string");
}

void another_field_names_the_user(void **) {
  const session_core other(test_server_url(server), R"({"migrate_from": "s/", "migrate_user": "login"})");
  run(server, {"HSET", "s/abc", "user_id", "7", "login", "ada"});
  run(server, {"HSET", "s/guest", "cart", "7"});
  assert_text(other.get("abc").at("user_id"), "ada");
  assert_text(other.get("guest").at("user_id"), "nil");
}

// It is read once: what is written into the plain key's place is not data any more.
void it_is_read_once(void **) {
  run(server, {"SET", plain_key, R"({"user_id": "ada"})", "EX", "1800"});
  assert_ok(core->get(plain_id));
  assert_in_range(left_ms(plain_key), 1, 600'000);
  core->update(plain_id, {{"a", "1"}});
  assert_null(strstr(redis(server, "GET " + plain_key).c_str(), "ada"));
  assert_text(core->get(plain_id).attributes.at("a"), "1");
}

void it_leads_on_for_as_long_as_it_is_used(void **) {
  run(server, {"SET", plain_key, R"({"user_id": "ada"})"});
  assert_ok(core->get(plain_id));
  redis(server, "PEXPIRE " + plain_key + " 1000");
  core->ok("refresh", {text(plain_id)});
  assert_in_range(left_ms(plain_key), 590'000, 600'000);
}

void first_touches_at_once_make_one_session(void **) {
  for (int round = 0; round < 10; round++) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    run(server, {"SET", plain_key, R"({"user_id": "ada"})"});
    std::atomic<int> wrong = 0;
    on_threads(8, [&](int thread) {
      if (!core->update(plain_id, {{"own" + std::to_string(thread), "1"}}).ok()) wrong++;
    });
    assert_int_equal(wrong, 0);
    assert_int_equal(core->get(plain_id).attributes.size(), 9);
    wait_until("what was made in vain is taken back", [] { return core->count("ada") == 1; });
  }
}

void it_ends_like_any_other(void **) {
  run(server, {"SET", plain_key, R"({"user_id": "ada"})"});
  assert_text(core->ok("destroy", {text(plain_id)}).answer, "true");
  assert_not_found(core->get(plain_id));
  assert_int_equal(keys_of(server, "*").size(), 0);
  run(server, {"SET", plain_key, R"({"user_id": "ada"})"});
  assert_ok(core->get(plain_id));
  assert_text(core->ok("destroy_all", {text("ada")}).answer, "1");
  assert_not_found(core->get(plain_id));
}

void it_gets_a_better_id(void **) {
  run(server, {"SET", plain_key, R"({"user_id": "ada"})"});
  const std::string id = core->ok("regenerate", {text(plain_id)}).at("id");
  assert_int_equal(id.size(), 46);
  assert_ok(core->get(plain_id));
  assert_in_range(left_ms(plain_key), 1, 10'000);
  redis(server, "PEXPIRE " + plain_key + " 0");
  assert_not_found(core->get(plain_id));
  assert_ok(core->get(id));
  assert_int_equal(core->count("ada"), 1);
}

void a_login_ends_the_plain_id(void **) {
  run(server, {"SET", plain_key, R"({"cart": 7})"});
  const outcome in = core->ok("regenerate", {text(plain_id), text("ada")});
  assert_not_found(core->get(plain_id));
  assert_text(core->get(in.at("id")).attributes.at("cart"), "7");
}

void what_is_no_session_is_left_alone(void **) {
  run(server, {"SET", "session:text", "not json"});
  run(server, {"SET", "session:list", "[1, 2]"});
  run(server, {"RPUSH", "session:queue", "x"});
  for (const char *id : {"text", "list", "queue"}) {
    assert_failed(core->call("get", {text(id)}), CACHECORE_CORRUPT, "migrate_from");
  }
  assert_text(redis(server, "GET session:text"), "not json");
  assert_text(redis(server, "LLEN session:queue"), "1");
  assert_not_found(core->get("missing"));
  // What an id cannot be is not looked for.
  run(server, {"SET", "session:a b", "{}"});
  run(server, {"SET", "session:" + std::string(129, 'a'), "{}"});
  assert_not_found(core->get("a b"));
  assert_not_found(core->get(std::string(129, 'a')));
}

void without_the_setting_plain_keys_are_not_read(void **) {
  const session_core plain(test_server_url(server));
  run(server, {"SET", plain_key, R"({"user_id": "ada"})"});
  monitored seen(server);
  assert_not_found(plain.get(plain_id));
  assert_text(plain.ok("destroy", {text(plain_id)}).answer, "false");
  for (const auto &command : seen.commands()) {
    assert_true(std::find(command.begin(), command.end(), plain_key) == command.end());
  }
  assert_text(redis(server, "EXISTS " + plain_key), "1");
}

}  // namespace

int session_test::plain_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(json_is_taken_over, empty),
      cmocka_unit_test_setup(hashes_are_taken_over, empty),
      cmocka_unit_test_setup(another_field_names_the_user, empty),
      cmocka_unit_test_setup(it_is_read_once, empty),
      cmocka_unit_test_setup(it_leads_on_for_as_long_as_it_is_used, empty),
      cmocka_unit_test_setup(first_touches_at_once_make_one_session, empty),
      cmocka_unit_test_setup(it_ends_like_any_other, empty),
      cmocka_unit_test_setup(it_gets_a_better_id, empty),
      cmocka_unit_test_setup(a_login_ends_the_plain_id, empty),
      cmocka_unit_test_setup(what_is_no_session_is_left_alone, empty),
      cmocka_unit_test_setup(without_the_setting_plain_keys_are_not_read, empty),
  };
  return cmocka_run_group_tests_name("plain", tests, start, stop);
}
