// Sessions in a real cluster: every script finds all of its keys in one slot, users lie on every node, and a login may
// lead from one node to another.

#include <string>
#include <vector>

#include "session_core.h"
#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"

namespace {

using namespace session_test;
using topology_test::cluster_nodes;

constexpr size_t masters = 3;
cluster_nodes *cluster;

int start(void **) {
  cluster = new cluster_nodes(masters, 0);
  return 0;
}

int stop(void **) {
  delete cluster;
  return 0;
}

void all_methods_work_on_every_node(void **) {
  const session_core core(cluster->url());
  const std::string guest = core.create("", {{"cart", "7"}});
  std::string last = guest;
  for (int i = 0; i < 30; i++) {
    const std::string user = "user" + std::to_string(i);
    const std::string ticket = core.ok("begin", {text(user)}).answer;
    // The session goes from user to user, and so from node to node.
    const outcome in = core.ok("regenerate", {text(last), text(user), text(ticket)});
    assert_not_found(core.get(last));
    const std::string old = in.at("id");
    last = core.ok("regenerate", {text(old)}).at("id");
    assert_text(core.get(old).at("id"), last);
    assert_text(core.update(old, {{"cart", "8"}}).answer, "2");
    assert_true(std::stoll(core.ok("refresh", {text(last)}).answer) > 0);
    const outcome other = core.ok("create", {text(user), nil, nil, nil, number(2)});
    assert_int_equal(core.ok("list", {text(user)}).handles.size(), 2);
    assert_text(core.ok("destroy", {text(other.at("handle"))}).answer, "true");
    core.create(user);
    assert_text(core.ok("destroy_all", {text(user), text(last)}).answer, "1");
    assert_int_equal(core.count(user), 1);
    assert_text(core.get(last).attributes.at("cart"), "8");
  }
  for (size_t node = 0; node < masters; node++) {
    assert_true(std::stoll(cluster->ask(node, "DBSIZE")) > 0);
    // The slots were known, so nothing was refused: a script whose keys lie in two slots would have been.
    assert_true(cluster->ask(node, "INFO errorstats").find("CROSSSLOT") == std::string::npos);
  }
}

// One node of the three is enough to be refused for.
void one_node_that_evicts_is_found(void **) {
  assert_text(cluster->ask(1, "CONFIG SET maxmemory-policy volatile-ttl"), "OK");
  const session_core core(cluster->url());
  assert_failed(core.call("create", {text("ada")}), CACHECORE_INVALID_STATE, "volatile-ttl");
  assert_text(cluster->ask(1, "CONFIG SET maxmemory-policy noeviction"), "OK");
  core.create("ada");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(all_methods_work_on_every_node),
      cmocka_unit_test(one_node_that_evicts_is_found),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
