// On a cluster: every method works wherever its user lies, and each user's keys are in one slot.

#include <algorithm>

#include "auth_core.h"
#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"

using namespace auth_test;
using topology_test::cluster_nodes;

namespace {

constexpr size_t masters = 3;
constexpr int users = 30;

cluster_nodes *nodes = nullptr;

int start_cluster(void ** /*state*/) {
  nodes = new cluster_nodes(masters, 0);
  return 0;
}

int stop_cluster(void ** /*state*/) {
  delete nodes;
  return 0;
}

std::vector<std::string> all_keys(const std::string &pattern) {
  std::vector<std::string> all;
  for (size_t i = 0; i < masters; i++) {
    for (std::string &each : keys_of(nodes->node(i), pattern)) all.push_back(std::move(each));
  }
  return all;
}

void every_method_works_for_every_user(void ** /*state*/) {
  const auth_core core(nodes->url(), {R"({"migrate_from": {}})"});
  for (int i = 0; i < users; i++) {
    const std::string user = "user" + std::to_string(i);
    const std::string callers = "a token that " + user + " made";
    const std::string ticket = core.ok("begin", {text(user)}).answer;
    const outcome token = core.ok("issue", {text(user), nil(), nil(), nil(), nil(), text(ticket)});
    const outcome pair = core.ok("issue_pair", {text(user), nil(), nil(), nil(), nil(), nil(), text(ticket)});
    core.ok("issue", {text(user), nil(), nil(), nil(), nil(), text(ticket), text(callers)});
    const outcome next = core.rotate(pair["refresh_token"]);
    assert_text(core.rotate(pair["refresh_token"]).answer, next.answer);
    for (const std::string &each : {token["token"], pair["token"], next["token"], callers}) {
      assert_text(core.user_of(each), user);
    }
    core.ok("expire", {text(token["token"]), number(60'000)});
    assert_int_equal(core.listed(user), 3);
    assert_text(core.ok("revoke", {text(callers)}).answer, "true");
    assert_text(core.ok("attempt", {text(user), number(1), number(60'000)})["allowed"], "true");
    assert_text(core.ok("attempt", {text(user), number(1), number(60'000)})["allowed"], "false");
    if (i % 2 == 0) {
      assert_text(core.ok("revoke_all", {text(user), text(token["token"])}).answer, "1");
      assert_text(core.user_of(next["token"]), "NOT_FOUND");
      assert_failed(core.call("issue", {text(user), nil(), nil(), nil(), nil(), text(ticket)}), CACHECORE_CONFLICT,
                    "revoked after begin");
    }
  }
  assert_int_equal(all_keys("auth:*:u:*").size(), users);
  for (size_t i = 0; i < masters; i++) assert_false(keys_of(nodes->node(i), "auth:*:u:*").empty());
}

void plain_tokens_are_taken_over_across_slots(void ** /*state*/) {
  const auth_core core(nodes->url(), {R"({"migrate_from": {}})"});
  const auto tell = [](const std::string &key, const std::string &command) {
    const size_t master = nodes->master_of(cluster_nodes::slot_of(key));
    redis(nodes->node(master), command);
  };
  for (const char *token : {"one", "two", "three", "four"}) {
    tell(std::string("token:") + token, std::string("SET token:") + token + " ada");
    tell("token_list:ada", std::string("SADD token_list:ada ") + token);
  }
  assert_text(core.user_of("one"), "ada");
  assert_text(core.user_of("two"), "ada");
  assert_int_equal(all_keys("token:*").size(), 2);
  assert_text(core.ok("revoke_all", {text("ada")}).answer, "4");
  assert_true(all_keys("token*").empty());
  for (const char *token : {"one", "two", "three", "four"}) assert_text(core.user_of(token), "NOT_FOUND");
}

void one_evicting_node_is_enough_to_refuse(void ** /*state*/) {
  redis(nodes->node(2), "CONFIG SET maxmemory-policy allkeys-lfu");
  const auth_core core(nodes->url());
  assert_failed(core.call("issue", {text("ada")}), CACHECORE_INVALID_STATE, "maxmemory-policy is allkeys-lfu");
  redis(nodes->node(2), "CONFIG SET maxmemory-policy noeviction");
  assert_true(core.call("issue", {text("ada")}).is_ok());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_method_works_for_every_user),
      cmocka_unit_test(plain_tokens_are_taken_over_across_slots),
      cmocka_unit_test(one_evicting_node_is_enough_to_refuse),
  };
  return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
