// Tokens: begin, issue, verify, expire, revoke, revoke_all, list.

#include <cstring>

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

constexpr const char *jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";

int64_t server_now() {
  const std::string time = redis(shared_server(), "TIME");  // [seconds, microseconds]
  const size_t comma = time.find(',');
  return std::stoll(time.substr(1, comma - 1)) * 1'000 + std::stoll(time.substr(comma + 2)) / 1'000;
}

void a_token_tells_whose_it_is(void ** /*state*/) {
  const auth_core core(shared_url());
  const cachecore_pair roles[] = {{text("roles"), text("admin")}, {text("n"), number(9'007'199'254'740'993)}};
  const int64_t before = server_now();
  const outcome made = core.ok("issue", {text("ada"), cachecore_map(roles, 2), number(60'000), text("phone")});
  const int64_t after = server_now();
  assert_contains(made["token"], "cc_a_");
  assert_contains(made["handle"], "cc_t_");
  assert_in_range(made.number("expires_at"), before + 60'000, after + 60'000);
  const outcome found = core.verify(made["token"]);
  assert_text(found["user_id"], "ada");
  assert_text(found["metadata"], "{roles: admin, n: 9007199254740993}");
  assert_text(found["device"], "phone");
  assert_text(found["pair"], "false");
  assert_int_equal(found.number("expires_at") - found.number("created_at"), 60'000);
  assert_int_equal(found.number("expires_at"), made.number("expires_at"));
}

void what_was_left_out_is_nil(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome found = core.verify(core.ok("issue", {text("ada")})["token"]);
  assert_text(found["metadata"], "nil");
  assert_text(found["device"], "nil");
  assert_int_equal(found.number("expires_at") - found.number("created_at"), 30 * 60 * 1'000);
}

void typos_cost_no_round_trip(void ** /*state*/) {
  const auth_core core(shared_url());
  const std::string token = core.ok("issue", {text("ada")})["token"];
  const std::string refresh = core.ok("issue_pair", {text("ada")})["refresh_token"];
  const int64_t before = test_server_info(shared_server(), "total_commands_processed");
  for (size_t i = 3; i < token.size(); i++) {
    std::string typo = token;
    typo[i] = typo[i] == 'x' ? 'y' : 'x';
    assert_int_equal(core.verify(typo).status, CACHECORE_NOT_FOUND);
  }
  assert_int_equal(core.verify(token.substr(0, token.size() - 1)).status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.verify(token + "A").status, CACHECORE_NOT_FOUND);
  // A refresh token is no token, and the reverse.
  assert_int_equal(core.verify(refresh).status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.rotate(token).status, CACHECORE_NOT_FOUND);
  // The second INFO counts the first.
  assert_int_equal(test_server_info(shared_server(), "total_commands_processed") - before, 1);
}

void verify_is_one_command(void ** /*state*/) {
  const auth_core core(shared_url());
  const std::string token = core.ok("issue", {text("ada")})["token"];
  const int64_t before = test_server_info(shared_server(), "total_commands_processed");
  for (int i = 0; i < 10; i++) assert_text(core.user_of(token), "ada");
  assert_int_equal(test_server_info(shared_server(), "total_commands_processed") - before, 11);
}

void a_record_of_another_token_is_no_answer(void ** /*state*/) {
  const auth_core core(shared_url());
  const std::string token = core.ok("issue", {text("ada")})["token"];
  const std::string record = keys_of(shared_server(), "auth:*:t:*").at(0);
  redis(shared_server(), "HSET " + record + " v 0123456789abcdef");
  assert_text(core.user_of(token), "NOT_FOUND");
  redis(shared_server(), "HSET " + record + " v short");
  assert_text(core.user_of(token), "NOT_FOUND");
  redis(shared_server(), "HDEL " + record + " v");
  assert_text(core.user_of(token), "NOT_FOUND");
}

void a_token_ends_with_its_ttl(void ** /*state*/) {
  const auth_core core(shared_url());
  const std::string token = core.ok("issue", {text("ada"), nil(), number(30)})["token"];
  wait_for(shared_server(), "DBSIZE", "0");
  assert_text(core.user_of(token), "NOT_FOUND");
  assert_int_equal(core.listed("ada"), 0);
}

void the_list_never_outgrows_the_live_tokens(void ** /*state*/) {
  const auth_core core(shared_url());
  core.ok("issue", {text("ada"), nil(), number(3'600'000)});
  const std::string list = keys_of(shared_server(), "auth:*:u:ada").at(0);
  for (int i = 0; i < 40; i++) core.ok("issue", {text("ada"), nil(), number(1)});
  wait_for(shared_server(), "DBSIZE", "2");  // the list and its one live record
  core.ok("issue", {text("ada"), nil(), number(3'600'000)});
  assert_text(redis(shared_server(), "ZCARD " + list), "2");
  assert_int_equal(core.listed("ada"), 2);
}

void expire_shortens_and_never_lengthens(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome made = core.ok("issue", {text("ada"), nil(), number(60'000)});
  assert_text(core.ok("expire", {text(made["token"]), number(3'600'000)}).answer, made["expires_at"]);
  const int64_t before = server_now();
  const outcome shorter = core.ok("expire", {text(made["token"]), number(20'000)});
  assert_in_range(std::stoll(shorter.answer), before + 20'000, server_now() + 20'000);
  assert_text(core.verify(made["token"])["expires_at"], shorter.answer);
  const std::string list = keys_of(shared_server(), "auth:*:u:ada").at(0);
  assert_contains(redis(shared_server(), "ZRANGE " + list + " 0 -1 WITHSCORES"), shorter.answer);
  assert_text(redis(shared_server(), "PEXPIRETIME " + list), shorter.answer);
  core.ok("expire", {text(made["token"]), number(1)});
  wait_for(shared_server(), "DBSIZE", "0");
  assert_int_equal(core.call("expire", {text(made["token"]), number(1)}).status, CACHECORE_NOT_FOUND);
}

void revoke_takes_a_token_or_a_handle(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome first = core.ok("issue", {text("ada")});
  const outcome second = core.ok("issue", {text("ada")});
  assert_text(core.ok("revoke", {text(first["token"])}).answer, "true");
  assert_text(core.ok("revoke", {text(first["token"])}).answer, "false");
  assert_text(core.user_of(first["token"]), "NOT_FOUND");
  assert_int_equal(core.listed("ada"), 1);
  // A handle that came from outside ends nobody else's sign-in.
  assert_text(core.ok("revoke", {text(second["handle"]), text("bob")}).answer, "false");
  assert_text(core.user_of(second["token"]), "ada");
  assert_text(core.ok("revoke", {text(second["handle"]), text("ada")}).answer, "true");
  assert_text(core.user_of(second["token"]), "NOT_FOUND");
  assert_text(redis(shared_server(), "DBSIZE"), "0");
  assert_text(core.ok("revoke", {text("cc_t_nonsense")}).answer, "false");
}

void a_handle_opens_nothing(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome made = core.ok("issue", {text("ada")});
  assert_int_equal(core.verify(made["handle"]).status, CACHECORE_NOT_FOUND);
  assert_int_equal(core.call("expire", {text(made["handle"]), number(1)}).status, CACHECORE_NOT_FOUND);
}

void revoke_all_ends_everything_but_the_exception(void ** /*state*/) {
  const auth_core core(shared_url());
  const outcome kept = core.ok("issue", {text("ada")});
  const outcome gone = core.ok("issue", {text("ada")});
  const outcome pair = core.ok("issue_pair", {text("ada")});
  const outcome callers = core.ok("issue", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(jwt)});
  const outcome other = core.ok("issue", {text("bob")});
  assert_text(core.ok("revoke_all", {text("ada"), text(kept["token"])}).answer, "3");
  assert_text(core.user_of(kept["token"]), "ada");
  for (const std::string &each : {gone["token"], pair["token"], callers["token"]})
    assert_text(core.user_of(each), "NOT_FOUND");
  assert_int_equal(core.rotate(pair["refresh_token"]).status, CACHECORE_NOT_FOUND);
  assert_text(core.user_of(other["token"]), "bob");
  // What is another user's keeps nothing.
  assert_text(core.ok("revoke_all", {text("ada"), text(other["token"])}).answer, "1");
  assert_text(core.ok("revoke_all", {text("ada")}).answer, "0");
  assert_text(core.user_of(other["token"]), "bob");
}

void revoke_all_keeps_by_any_token_of_a_sign_in(void ** /*state*/) {
  const auth_core core(shared_url());
  for (const char *by : {"token", "refresh_token", "handle"}) {
    const outcome pair = core.ok("issue_pair", {text("ada")});
    core.ok("issue", {text("ada")});
    assert_text(core.ok("revoke_all", {text("ada"), text(pair[by])}).answer, "1");
    assert_text(core.user_of(pair["token"]), "ada");
    core.ok("revoke_all", {text("ada")});
  }
  const outcome callers = core.ok("issue", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(jwt)});
  assert_text(core.ok("revoke_all", {text("ada"), text(callers["token"])}).answer, "0");
  assert_text(core.ok("revoke_all", {text("ada"), text(callers["handle"])}).answer, "0");
  assert_text(core.user_of(jwt), "ada");
}

void list_tells_of_every_sign_in(void ** /*state*/) {
  const auth_core core(shared_url());
  assert_text(core.ok("list", {text("ada")}).answer, "[]");
  const outcome token = core.ok("issue", {text("ada"), text("m1"), number(1'000'000), text("phone")});
  const outcome pair = core.ok("issue_pair", {text("ada"), text("m2"), nil(), nil(), text("laptop")});
  const std::string shown = core.ok("list", {text("ada")}).answer;
  assert_contains(shown, "{handle: " + token["handle"] + ", pair: false, metadata: m1, device: phone, created_at: ");
  assert_contains(shown, "{handle: " + pair["handle"] + ", pair: true, metadata: m2, device: laptop, created_at: ");
  assert_contains(shown, "expires_at: " + token["expires_at"] + ", rotated_at: nil}");
  assert_contains(shown, "expires_at: " + pair["refresh_expires_at"] + ", rotated_at: nil}");
  for (const char *secret : {"token", "refresh_token"}) assert_null(strstr(shown.c_str(), pair[secret].c_str()));
  core.ok("rotate", {text(pair["refresh_token"])});
  const std::string rotated = core.ok("list", {text("ada")}).answer;
  assert_null(strstr(rotated.c_str() + rotated.find("laptop"), "rotated_at: nil"));
}

void the_oldest_make_room(void ** /*state*/) {
  const auth_core core(shared_url(), {R"({"max_per_user": 3})"});
  std::vector<std::string> tokens;
  tokens.reserve(5);
  for (int i = 0; i < 5; i++) tokens.push_back(core.ok("issue", {text("ada"), nil(), number(60'000 + i)})["token"]);
  assert_int_equal(core.listed("ada"), 3);
  assert_text(core.user_of(tokens[1]), "NOT_FOUND");
  assert_text(core.user_of(tokens[2]), "ada");
  const outcome pair = core.ok("issue_pair", {text("ada"), nil(), nil(), nil(), nil(), number(1)});
  assert_int_equal(core.listed("ada"), 1);
  core.ok("issue", {text("ada"), nil(), number(3'600'000'000), nil(), number(1)});
  assert_text(core.user_of(pair["token"]), "NOT_FOUND");
  assert_int_equal(core.rotate(pair["refresh_token"]).status, CACHECORE_NOT_FOUND);
}

void a_ticket_is_refused_after_revoke_all(void ** /*state*/) {
  const auth_core core(shared_url());
  const auto issue = [&](const std::string &ticket) {
    return core.call("issue", {text("ada"), nil(), nil(), nil(), nil(), text(ticket)});
  };
  const std::string early = core.ok("begin", {text("ada")}).answer;
  assert_true(issue(early).is_ok());
  core.ok("revoke_all", {text("ada")});
  assert_failed(issue(early), CACHECORE_CONFLICT, "revoked after begin");
  assert_failed(core.call("issue_pair", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(early)}),
                CACHECORE_CONFLICT, "revoked after begin");
  assert_int_equal(core.listed("ada"), 0);
  const std::string later = core.ok("begin", {text("ada")}).answer;
  assert_true(issue(later).is_ok());
  core.ok("revoke_all", {text("ada")});
  assert_failed(issue(later), CACHECORE_CONFLICT, "revoked after begin");
  // That of another user is none.
  assert_failed(issue(core.ok("begin", {text("bob")}).answer), CACHECORE_INVALID_ARGUMENT, "ticket");
  assert_failed(issue("cc_k_nonsense"), CACHECORE_INVALID_ARGUMENT, "ticket");
}

void a_ticket_holds_for_a_time(void ** /*state*/) {
  const auth_core core(shared_url(), {R"({"ticket_ttl_ms": 1})"});
  const std::string ticket = core.ok("begin", {text("ada")}).answer;
  const int64_t begun = server_now();
  struct clock {
    int64_t begun;
  } context{begun};
  test_wait_until([](void *given) { return server_now() > static_cast<clock *>(given)->begun ? 1 : 0; }, &context,
                  test_patience_ms());
  assert_failed(core.call("issue", {text("ada"), nil(), nil(), nil(), nil(), text(ticket)}), CACHECORE_CONFLICT,
                "ticket_ttl_ms");
}

void a_caller_may_make_the_token(void ** /*state*/) {
  const auth_core core(shared_url());
  const std::vector<cachecore_value> args = {text("ada"), text("m"), number(60'000), nil(), nil(), nil(), text(jwt)};
  const outcome made = core.ok("issue", args);
  assert_text(made["token"], jwt);
  assert_contains(made["handle"], "cc_p_");
  assert_text(core.user_of(jwt), "ada");
  assert_int_equal(core.listed("ada"), 1);
  // Issued again it is the same sign-in, of another user it is refused.
  core.ok("issue", args);
  assert_int_equal(core.listed("ada"), 1);
  assert_failed(core.call("issue", {text("bob"), nil(), nil(), nil(), nil(), nil(), text(jwt)}), CACHECORE_CONFLICT,
                "another user");
  assert_true(std::stoll(core.ok("expire", {text(jwt), number(1'000)}).answer) < made.number("expires_at"));
  assert_text(core.ok("revoke", {text(made["handle"])}).answer, "true");
  assert_text(core.user_of(jwt), "NOT_FOUND");
  core.ok("issue", args);
  assert_text(core.user_of(jwt), "ada");
  assert_text(core.ok("revoke", {text(jwt)}).answer, "true");
  assert_text(core.user_of(jwt), "NOT_FOUND");
  assert_int_equal(core.listed("ada"), 0);
}

void what_cannot_be_is_refused(void ** /*state*/) {
  const auth_core core(shared_url());
  const auto with_token = [&](const std::string &token) {
    return core.call("issue", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(token)});
  };
  assert_failed(with_token("short"), CACHECORE_INVALID_ARGUMENT, "token must be 16 to 4096 bytes, has 5");
  assert_failed(with_token(std::string(4'097, 'x')), CACHECORE_INVALID_ARGUMENT, "has 4097");
  assert_failed(with_token("cc_a_of_my_own_making"), CACHECORE_INVALID_ARGUMENT, "token must not begin with cc_");
  assert_failed(core.call("issue", {text("ada"), nil(), number(0)}), CACHECORE_INVALID_ARGUMENT, "ttl_ms");
  assert_failed(core.call("issue", {text("ada"), nil(), number(INT64_MAX)}), CACHECORE_INVALID_ARGUMENT,
                "ttl_ms must be at most 100 years");
  assert_failed(core.call("issue_pair", {text("ada"), nil(), nil(), number(INT64_MAX)}), CACHECORE_INVALID_ARGUMENT,
                "refresh_ttl_ms must be at most 100 years");
  assert_failed(core.call("issue", {text("ada"), text(std::string(65'536, 'x'))}), CACHECORE_INVALID_ARGUMENT,
                "metadata must be at most 65536 bytes as JSON, has 65538");
  assert_failed(core.call("issue", {text("ada"), nil(), nil(), text(std::string(1'025, 'x'))}),
                CACHECORE_INVALID_ARGUMENT, "device must be at most 1024 bytes, has 1025");
  assert_failed(core.call("issue", {text("")}), CACHECORE_INVALID_ARGUMENT, "user_id");
  assert_text(redis(shared_server(), "DBSIZE"), "0");
  const auth_core strict(shared_url(), {R"({"caller_tokens": false})"});
  assert_failed(strict.call("issue", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(jwt)}),
                CACHECORE_INVALID_ARGUMENT, "caller_tokens");
  const int64_t before = test_server_info(shared_server(), "total_commands_processed");
  assert_int_equal(strict.verify(jwt).status, CACHECORE_NOT_FOUND);
  assert_int_equal(test_server_info(shared_server(), "total_commands_processed") - before, 1);
}

void users_do_not_meet(void ** /*state*/) {
  const auth_core core(shared_url(), {.key_prefix = "app:"});
  const auth_core other(shared_url(), {.key_prefix = "web:"});
  const std::string hostile = "x}:u:ada*";
  const std::string token = core.ok("issue", {text(hostile)})["token"];
  assert_text(core.user_of(token), hostile);
  assert_text(other.user_of(token), "NOT_FOUND");
  assert_text(core.ok("revoke_all", {text("ada")}).answer, "0");
  for (const std::string &each : keys_of(shared_server(), "*")) assert_true(each.starts_with("app:auth:{"));
  assert_text(core.ok("revoke_all", {text(hostile)}).answer, "1");
}

}  // namespace

int run_tokens() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_token_tells_whose_it_is, empty_server),
      cmocka_unit_test_setup(what_was_left_out_is_nil, empty_server),
      cmocka_unit_test_setup(typos_cost_no_round_trip, empty_server),
      cmocka_unit_test_setup(verify_is_one_command, empty_server),
      cmocka_unit_test_setup(a_record_of_another_token_is_no_answer, empty_server),
      cmocka_unit_test_setup(a_token_ends_with_its_ttl, empty_server),
      cmocka_unit_test_setup(the_list_never_outgrows_the_live_tokens, empty_server),
      cmocka_unit_test_setup(expire_shortens_and_never_lengthens, empty_server),
      cmocka_unit_test_setup(revoke_takes_a_token_or_a_handle, empty_server),
      cmocka_unit_test_setup(a_handle_opens_nothing, empty_server),
      cmocka_unit_test_setup(revoke_all_ends_everything_but_the_exception, empty_server),
      cmocka_unit_test_setup(revoke_all_keeps_by_any_token_of_a_sign_in, empty_server),
      cmocka_unit_test_setup(list_tells_of_every_sign_in, empty_server),
      cmocka_unit_test_setup(the_oldest_make_room, empty_server),
      cmocka_unit_test_setup(a_ticket_is_refused_after_revoke_all, empty_server),
      cmocka_unit_test_setup(a_ticket_holds_for_a_time, empty_server),
      cmocka_unit_test_setup(a_caller_may_make_the_token, empty_server),
      cmocka_unit_test_setup(what_cannot_be_is_refused, empty_server),
      cmocka_unit_test_setup(users_do_not_meet, empty_server),
  };
  return cmocka_run_group_tests_name("tokens", tests, nullptr, nullptr);
}
