// Configuration, the environment, and servers that evict.

#include <cstdlib>

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

constexpr const char *variable = "ACCESS_TOKEN_EXPIRE_MINUTES";

int64_t life_of_a_token(const auth_core &core) {
  const outcome found = core.verify(core.ok("issue", {text("ada")})["token"]);
  return found.number("expires_at") - found.number("created_at");
}

void the_environment_says_how_long(void ** /*state*/) {
  setenv(variable, "15", 1);
  assert_int_equal(life_of_a_token(auth_core(shared_url())), 15 * 60'000);
  assert_int_equal(life_of_a_token(auth_core(shared_url(), {R"({"ttl_ms": 5000})"})), 5'000);
  for (const char *wrong : {"0", "-5", "soon", "15m", "99999999999999999999", "60000000"}) {
    setenv(variable, wrong, 1);
    const std::string why = refusal(shared_url(), "{}");
    assert_contains(why, std::string("ACCESS_TOKEN_EXPIRE_MINUTES in the environment must be a whole number"));
    assert_contains(why, wrong);
    assert_int_equal(life_of_a_token(auth_core(shared_url(), {R"({"ttl_ms": 5000})"})), 5'000);
  }
  setenv(variable, "", 1);
  assert_int_equal(life_of_a_token(auth_core(shared_url())), 30 * 60'000);
  unsetenv(variable);
}

void wrong_settings_are_named(void ** /*state*/) {
  const std::pair<const char *, const char *> wrong[] = {
      {R"({"ttl_ms": 0})", "ttl_ms"},
      {R"({"ttl_ms": 9223372036854775807})", "ttl_ms must be at most 100 years"},
      {R"({"refresh_ttl_ms": 9223372036854775807})", "refresh_ttl_ms must be at most 100 years"},
      {R"({"rotation_grace_ms": 0})", "rotation_grace_ms"},
      {R"({"ticket_ttl_ms": -1})", "ticket_ttl_ms"},
      {R"({"max_per_user": -1})", "max_per_user"},
      {R"({"token_prefix": ""})", "token_prefix must be 1 to 16 of a-z and 0-9"},
      {R"({"token_prefix": "a_b"})", "token_prefix must be 1 to 16 of a-z and 0-9"},
      {R"({"token_prefix": "aaaaaaaaaaaaaaaaa"})", "token_prefix must be 1 to 16 of a-z and 0-9"},
      {R"({"caller_tokens": false, "migrate_from": {}})", "migrate_from needs caller_tokens"},
      {R"({"migrate_from": {"tokens": "t:"}})", "tokens"},
      {R"({"ttl": 5})", "ttl"},
  };
  for (const auto &[config, part] : wrong) assert_contains(refusal(shared_url(), config), part);
}

void the_prefix_is_the_applications(void ** /*state*/) {
  const auth_core core(shared_url(), {R"({"token_prefix": "shop1"})"});
  const outcome pair = core.ok("issue_pair", {text("ada")});
  assert_true(pair["token"].starts_with("shop1_a_"));
  assert_true(pair["refresh_token"].starts_with("shop1_r_"));
  assert_text(core.user_of(pair["token"]), "ada");
}

void an_evicting_server_is_refused_at_first_use(void ** /*state*/) {
  test_server *server = test_server_start(nullptr, nullptr);
  const std::string url = test_server_url(server);
  const auth_core core(url);
  const std::vector<std::pair<const char *, std::vector<cachecore_value>>> calls = {
      {"begin", {text("ada")}},
      {"issue", {text("ada")}},
      {"issue_pair", {text("ada")}},
      {"revoke_all", {text("ada")}},
      {"list", {text("ada")}},
      {"attempt", {text("s"), number(1), number(1'000)}},
      {"verify", {text("a token that a caller made")}}};
  for (const char *policy : {"allkeys-lru", "volatile-ttl"}) {
    redis(server, std::string("CONFIG SET maxmemory-policy ") + policy);
    for (const auto &[method, args] : calls) {
      const outcome came = core.call(method, args);
      assert_failed(came, CACHECORE_INVALID_STATE, "allow_eviction");
      assert_contains(came.message, std::string("maxmemory-policy is ") + policy);
    }
  }
  assert_text(redis(server, "DBSIZE"), "0");
  const auth_core willing(url, {R"({"allow_eviction": true})"});
  assert_text(willing.user_of(willing.ok("issue", {text("ada")})["token"]), "ada");
  // Put right, it works without a restart.
  redis(server, "CONFIG SET maxmemory-policy noeviction");
  assert_text(core.user_of(core.ok("issue", {text("ada")})["token"]), "ada");
  test_server_stop(server);
}

void a_server_that_does_not_tell_is_trusted_with_a_warning(void ** /*state*/) {
  test_server *server = test_server_start(nullptr, nullptr);
  redis(server, "ACL SETUSER default -info");
  {
    const auth_core core(test_server_url(server));
    assert_text(core.user_of(core.ok("issue", {text("ada")})["token"]), "ada");
    assert_contains(core.logged(), "maxmemory-policy");
  }
  test_server_stop(server);
}

}  // namespace

int run_settings() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_environment_says_how_long, empty_server),
      cmocka_unit_test_setup(wrong_settings_are_named, empty_server),
      cmocka_unit_test_setup(the_prefix_is_the_applications, empty_server),
      cmocka_unit_test(an_evicting_server_is_refused_at_first_use),
      cmocka_unit_test(a_server_that_does_not_tell_is_trusted_with_a_warning),
  };
  return cmocka_run_group_tests_name("settings", tests, nullptr, nullptr);
}
