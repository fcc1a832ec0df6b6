// migrate_from: tokens under plain keys.

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

constexpr const char *migrating = R"({"migrate_from": {}})";

std::string server(const std::string &command) { return redis(shared_server(), command); }

void set_text(const std::string &key, const std::string &json, const char *px = "60000") {
  free(test_command_text(shared_server(), "SET %s %s PX %s", key.c_str(), json.c_str(), px));
}

void a_plain_token_is_taken_over_at_its_first_use(void ** /*state*/) {
  const auth_core core(shared_url(), {migrating});
  for (const char *add : {"SADD token_list:7 abc", "ZADD token_list:7 1 abc", "RPUSH token_list:7 abc"}) {
    server("FLUSHALL");
    set_text("token:abc", R"({"user_id": 7, "role": "admin"})");
    server(add);
    const outcome found = core.verify("abc");
    assert_text(found["user_id"], "7");
    assert_text(found["metadata"], "{user_id: 7, role: admin}");
    const int64_t left = found.number("expires_at") - found.number("created_at");
    assert_true(left > 60'000 - test_patience_ms() && left <= 60'000);
    assert_text(server("EXISTS token:abc token_list:7"), "0");
    assert_text(core.verify("abc")["user_id"], "7");
    assert_int_equal(core.listed("7"), 1);
    assert_text(core.ok("revoke", {text("abc")}).answer, "true");
    assert_text(core.user_of("abc"), "NOT_FOUND");
  }
}

void metadata_may_be_a_hash_or_the_user_itself(void ** /*state*/) {
  const auth_core core(shared_url(), {R"({"migrate_from": {"token": "t:", "list": "l:", "user_field": "uid"}})"});
  server("HSET t:one uid ada role admin");
  server("SADD l:ada one two three");
  set_text("t:two", "ada");
  set_text("t:three", "\"ada\"");
  for (const char *each : {"one", "two", "three"}) assert_text(core.user_of(each), "ada");
  // It never expired; now it does.
  assert_int_equal(core.verify("one").number("expires_at") - core.verify("one").number("created_at"), 1'800'000);
  assert_text(core.verify("one")["metadata"], "{uid: ada, role: admin}");
}

void what_is_not_good_there_is_not_good_here(void ** /*state*/) {
  const auth_core core(shared_url(), {migrating});
  set_text("token:unlisted", R"({"user_id": "ada"})");
  set_text("token:nobodys", R"({"name": "ada"})");
  server("SADD token_list:ada listed");
  server("LPUSH token:strange x");
  for (const char *each : {"unlisted", "nobodys", "listed", "strange", "absent"}) {
    assert_text(core.user_of(each), "NOT_FOUND");
    assert_text(core.ok("revoke", {text(each)}).answer, "false");
  }
  assert_text(server("EXISTS token:unlisted token:nobodys token:strange"), "3");
}

void list_and_revoke_all_know_plain_tokens(void ** /*state*/) {
  const auth_core core(shared_url(), {migrating});
  for (const char *each : {"a", "b", "c"}) {
    set_text(std::string("token:") + each, R"({"user_id": "ada"})");
    server(std::string("SADD token_list:ada ") + each);
  }
  core.ok("issue", {text("ada")});
  assert_text(core.user_of("a"), "ada");
  assert_text(core.ok("revoke_all", {text("ada")}).answer, "4");
  for (const char *each : {"a", "b", "c"}) assert_text(core.user_of(each), "NOT_FOUND");
  assert_text(server("EXISTS token:b token:c token_list:ada"), "0");

  set_text("token:d", R"({"user_id": "ada"})");
  server("SADD token_list:ada d gone");
  assert_int_equal(core.listed("ada"), 1);
  assert_text(server("EXISTS token:d"), "0");
  assert_text(core.user_of("d"), "ada");
}

void without_the_setting_plain_keys_are_not_read(void ** /*state*/) {
  const auth_core core(shared_url());
  set_text("token:a_long_enough_token", R"({"user_id": "ada"})");
  server("SADD token_list:ada a_long_enough_token");
  assert_text(core.user_of("a_long_enough_token"), "NOT_FOUND");
  assert_int_equal(core.listed("ada"), 0);
}

}  // namespace

int run_migration() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_plain_token_is_taken_over_at_its_first_use, empty_server),
      cmocka_unit_test_setup(metadata_may_be_a_hash_or_the_user_itself, empty_server),
      cmocka_unit_test_setup(what_is_not_good_there_is_not_good_here, empty_server),
      cmocka_unit_test_setup(list_and_revoke_all_know_plain_tokens, empty_server),
      cmocka_unit_test_setup(without_the_setting_plain_keys_are_not_read, empty_server),
  };
  return cmocka_run_group_tests_name("migration", tests, nullptr, nullptr);
}
