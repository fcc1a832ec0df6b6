// Callers that leave before they have their answer, replies that are lost, and a Redis that is away.

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <memory>

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

constexpr const char *jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";

// A core behind a proxy that can keep replies back.
struct behind_a_proxy {
  behind_a_proxy() : proxy(test_proxy_start(shared_server())), core(new auth_core(test_proxy_url(proxy), {grace})) {
    // The scripts are known and the server has been looked at.
    core->ok("revoke", {text(core->ok("issue", {text("warm")})["token"])});
    core->rotate(core->ok("issue_pair", {text("warm")})["refresh_token"]);
    core->ok("issue", {text("warm"), nil(), nil(), nil(), nil(), nil(), text("a token of the caller's")});
    redis(shared_server(), "FLUSHDB");
  }
  ~behind_a_proxy() {
    core.reset();
    test_proxy_stop(proxy);
  }
  behind_a_proxy(const behind_a_proxy &) = delete;
  behind_a_proxy &operator=(const behind_a_proxy &) = delete;

  static constexpr const char *grace = R"({"rotation_grace_ms": 300})";
  test_proxy *proxy;
  std::unique_ptr<auth_core> core;
};

void wait_for_keys(const std::string &pattern, bool there) {
  struct waited {
    const std::string *pattern;
    bool there;
  } context{&pattern, there};
  const auto holds = [](void *given) {
    const auto &about = *static_cast<waited *>(given);
    return keys_of(shared_server(), *about.pattern).empty() != about.there ? 1 : 0;
  };
  if (test_wait_until(holds, &context, test_patience_ms()) == 0) {
    test_die("keys %s: still %s", pattern.c_str(), there ? "none" : "there");
  }
}

using arguments = std::vector<cachecore_value>;
const std::vector<std::pair<const char *, arguments>> &issues() {
  static const std::vector<std::pair<const char *, arguments>> all = {
      {"issue", {text("ada")}},
      {"issue_pair", {text("ada")}},
      {"issue", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(jwt)}}};
  return all;
}

enum class leaves { cancels, abandons, times_out };

void leave(behind_a_proxy &there, pending &call, leaves how) {
  if (how == leaves::abandons) {
    call.abandon();
  } else {
    if (how == leaves::cancels) call.cancel();
    assert_int_equal(call.wait().status, CACHECORE_UNCERTAIN);
  }
  test_proxy_hold(there.proxy, TEST_TO_CLIENT, 0);
}

// The reply is on its way when the caller leaves.
void what_reached_nobody_is_taken_back(void ** /*state*/) {
  behind_a_proxy there;
  for (const leaves how : {leaves::cancels, leaves::abandons, leaves::times_out}) {
    for (const auto &[method, args] : issues()) {
      test_proxy_hold(there.proxy, TEST_TO_CLIENT, 1);
      pending call(*there.core, method, args, how == leaves::times_out ? 300 : 0);
      // A caller's token is written in two steps, and the first reply has to arrive for the second.
      if (args.size() == 7) {
        wait_for_keys("auth:*:p", true);
        test_proxy_hold(there.proxy, TEST_TO_CLIENT, 0);
        test_proxy_swallow(there.proxy, TEST_TO_CLIENT, 1);
      }
      wait_for_keys("auth:*:u:ada", true);
      if (args.size() == 7) {
        test_proxy_clear(there.proxy);
        test_proxy_disconnect(there.proxy);
        call.abandon();
      } else {
        leave(there, call, how);
      }
      wait_for_keys("auth:*:u:ada", false);
      wait_for_keys("auth:*:w:*", true);
      assert_true(keys_of(shared_server(), "auth:*:t:*").empty());
      assert_true(keys_of(shared_server(), "auth:*:f:*").empty());
      redis(shared_server(), "FLUSHDB");
    }
  }
}

// The reply is lost and the caller stays: told that it is uncertain, it has no token, so there is none.
void an_uncertain_sign_in_is_taken_back(void ** /*state*/) {
  behind_a_proxy there;
  for (const auto &[method, args] : issues()) {
    if (args.size() == 7) continue;
    test_proxy_cut_once(there.proxy, TEST_TO_CLIENT, 0);
    const outcome came = there.core->call(method, args);
    assert_failed(came, CACHECORE_UNCERTAIN, method);
    wait_for_keys("auth:*:u:ada", false);
    wait_for_keys("auth:*:w:*", true);
    test_proxy_clear(there.proxy);
    redis(shared_server(), "FLUSHDB");
  }
}

void a_rotation_that_reached_nobody_is_taken_back(void ** /*state*/) {
  for (const leaves how : {leaves::cancels, leaves::abandons}) {
    behind_a_proxy there;
    const outcome pair = there.core->ok("issue_pair", {text("ada")});
    test_proxy_hold(there.proxy, TEST_TO_CLIENT, 1);
    pending call(*there.core, "rotate", {text(pair["refresh_token"])});
    wait_for_keys("auth:*:r:*", true);
    leave(there, call, how);
    wait_for_keys("auth:*:w:*", true);
    wait_for_keys("auth:*:r:*", false);
    // Much later the same token is good: without the undo this were reuse, and the family's end.
    assert_text(there.core->user_of(pair["token"]), "ada");
    const outcome second = there.core->rotate(pair["refresh_token"]);
    assert_true(second.is_ok());
    assert_text(there.core->user_of(second["token"]), "ada");
    assert_int_equal(keys_of(shared_server(), "auth:*:t:*").size(), 2);
    redis(shared_server(), "FLUSHDB");
  }
}

void a_rotation_that_somebody_else_was_told_stays(void ** /*state*/) {
  behind_a_proxy there;
  const auth_core other(shared_url(), {behind_a_proxy::grace});
  const outcome pair = there.core->ok("issue_pair", {text("ada")});
  test_proxy_hold(there.proxy, TEST_TO_CLIENT, 1);
  pending call(*there.core, "rotate", {text(pair["refresh_token"])});
  wait_for_keys("auth:*:r:*", true);
  const outcome told = other.rotate(pair["refresh_token"]);
  assert_true(told.is_ok());
  leave(there, call, leaves::cancels);
  wait_for_keys("auth:*:w:*", true);
  assert_text(other.user_of(told["token"]), "ada");
  assert_true(other.rotate(told["refresh_token"]).is_ok());
}

// A request as MONITOR shows it, back in words.
std::vector<std::string> words_of(const std::string &line) {
  std::vector<std::string> words;
  size_t at = line.find("] ") + 2;
  while (at < line.size()) {
    std::string word;
    for (at++; at < line.size() && line[at] != '"'; at++) {
      if (line[at] != '\\') {
        word += line[at];
        continue;
      }
      const char kind = line[++at];
      if (kind == 'x') {
        word += static_cast<char>(std::stoi(line.substr(at + 1, 2), nullptr, 16));
        at += 2;
      } else {
        constexpr std::string_view letters = "nrtab";
        constexpr std::string_view meant = "\n\r\t\a\b";
        const size_t which = letters.find(kind);
        word += which == std::string_view::npos ? kind : meant[which];
      }
    }
    words.push_back(word);
    at += 2;
  }
  return words;
}

// The request arrives when it has been taken back already.
void a_request_that_comes_after_its_withdrawal_is_refused(void ** /*state*/) {
  for (const char *method : {"issue", "issue_pair", "rotate"}) {
    behind_a_proxy there;
    const bool rotates = std::string(method) == "rotate";
    std::string refresh;
    if (rotates) refresh = there.core->ok("issue_pair", {text("ada")})["refresh_token"];
    redisContext *listening = redisConnectUnix(test_server_socket(shared_server()));
    freeReplyObject(redisCommand(listening, "MONITOR"));
    test_proxy_hold(there.proxy, TEST_TO_CLIENT, 1);
    pending call(*there.core, method, {text(rotates ? refresh : "ada")});
    wait_for_keys(rotates ? "auth:*:r:*" : "auth:*:u:ada", true);
    std::vector<std::string> words;
    while (words.empty()) {
      void *reply = nullptr;
      if (redisGetReply(listening, &reply) != REDIS_OK) test_die("MONITOR ended");
      const std::string line(static_cast<redisReply *>(reply)->str);
      freeReplyObject(reply);
      if (line.find("\"EVALSHA\"") != std::string::npos) words = words_of(line);
    }
    redisFree(listening);
    leave(there, call, leaves::cancels);
    wait_for_keys("auth:*:w:*", true);
    const size_t left = keys_of(shared_server(), "*").size();

    std::vector<const char *> data;
    std::vector<size_t> sizes;
    data.reserve(words.size());
    sizes.reserve(words.size());
    for (const std::string &word : words) {
      data.push_back(word.data());
      sizes.push_back(word.size());
    }
    redisContext *late = redisConnectUnix(test_server_socket(shared_server()));
    auto *reply =
        static_cast<redisReply *>(redisCommandArgv(late, static_cast<int>(words.size()), data.data(), sizes.data()));
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, "withdrawn");
    freeReplyObject(reply);
    redisFree(late);
    assert_int_equal(keys_of(shared_server(), "*").size(), left);
    redis(shared_server(), "FLUSHDB");
  }
}

void verify_fails_closed(void ** /*state*/) {
  test_server *server = test_server_start(nullptr, nullptr);
  {
    const auth_core core(test_server_url(server), {.call_timeout_ms = 20'000});
    const std::string token = core.ok("issue", {text("ada")})["token"];
    assert_text(core.user_of(token), "ada");
    // A record that cannot be read.
    const std::string record = keys_of(server, "auth:*:t:*").at(0);
    redis(server, "RENAME " + record + " aside");
    redis(server, "SET " + record + " nonsense");
    assert_int_equal(core.verify(token).status, CACHECORE_REJECTED);
    assert_contains(core.logged(), "auth: verify cannot read from Redis, so tokens are refused");
    redis(server, "RENAME aside " + record);
    assert_text(core.user_of(token), "ada");
    // Deaf, and gone.
    test_server_pause(server);
    const outcome deaf = core.call("verify", {text(token)}, 100);
    test_server_resume(server);
    assert_failed(deaf, CACHECORE_TIMEOUT, "verify");
    test_server_kill(server);
    const outcome gone = core.call("verify", {text(token)}, 300);
    assert_true(gone.status == CACHECORE_UNAVAILABLE || gone.status == CACHECORE_TIMEOUT);
    for (const outcome &each : {deaf, gone}) assert_text(each.answer, "");
    // Typos are told apart without Redis.
    assert_int_equal(core.verify(token + "x").status, CACHECORE_NOT_FOUND);
  }
  test_server_stop(server);
}

}  // namespace

int run_undo() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(what_reached_nobody_is_taken_back, empty_server),
      cmocka_unit_test_setup(an_uncertain_sign_in_is_taken_back, empty_server),
      cmocka_unit_test_setup(a_rotation_that_reached_nobody_is_taken_back, empty_server),
      cmocka_unit_test_setup(a_rotation_that_somebody_else_was_told_stays, empty_server),
      cmocka_unit_test_setup(a_request_that_comes_after_its_withdrawal_is_refused, empty_server),
      cmocka_unit_test(verify_fails_closed),
  };
  return cmocka_run_group_tests_name("undo", tests, nullptr, nullptr);
}
