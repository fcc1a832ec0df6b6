// Sentinel names the master; calls go on behind the one it promotes.
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/unit.h"
#include "tests/topology/redis_core.h"
#include "tests/topology/sentinel_nodes.h"

using namespace topology_test;

namespace {

std::string ask(const test_server *server, const char *command) {
  char *text = test_command_text(server, command);
  std::string out(text);
  free(text);
  return out;
}

// Waits until a change succeeds.
void wait_until_served(const redis_core &core) {
  const auto served = [](void *state) {
    return static_cast<const redis_core *>(state)->command({"SET", "probe", "1"}).status == CACHECORE_OK ? 1 : 0;
  };
  assert_true(test_wait_until(served, const_cast<redis_core *>(&core), test_patience_ms()));
}

void calls_go_to_the_master(void **) {
  const sentinel_nodes nodes(1, 2);
  const redis_core core(nodes.url());
  assert_answer(core.command({"SET", "a", "1"}), "OK");
  assert_answer(core.transaction({{"INCR", "a"}, {"INCR", "a"}}), "[2, 3]");
  assert_string_equal(ask(nodes.server(0), "GET a").c_str(), "3");
  assert_answer(core.command({"BLPOP", "none", "0.01"}), "nil");
}

void a_master_nobody_knows(void **) {
  const sentinel_nodes nodes(0, 1);
  std::string url = nodes.url();
  url.replace(url.find("mymaster"), 8, "other");
  const redis_core core(url);
  assert_failed(core.command({"GET", "a"}), CACHECORE_UNAVAILABLE, "no master is called other");
  const redis_core nobody("redis+sentinel://127.0.0.1:1/mymaster");
  assert_failed(nobody.command({"GET", "a"}), CACHECORE_UNAVAILABLE, "Connection refused");
  test_server *plain = test_server_start_tcp(nullptr, nullptr);
  const redis_core no_sentinel("redis+sentinel://127.0.0.1:" + std::to_string(test_server_port(plain)) + "/mymaster");
  assert_failed(no_sentinel.command({"GET", "a"}), CACHECORE_UNAVAILABLE, "unknown command");
  test_server_stop(plain);
}

// A sentinel that is dead, and one that does not know, are passed over.
void one_sentinel_is_enough(void **) {
  const sentinel_nodes nodes(0, 3);
  test_server_kill(nodes.sentinel(0));
  const redis_core core(nodes.url());
  assert_answer(core.command({"SET", "a", "1"}), "OK");
}

// The url's user is for the servers, the configuration's for the sentinels.
void passwords_of_servers_and_sentinels(void **) {
  const sentinel_nodes nodes(1, 1, {"--user", "app", "on", ">first", "~*", "&*", "+@all"},
                             {"user watcher on >second &* +@all"});
  {
    const redis_core core(nodes.url("app:first@"), R"({"sentinel": {"user": "watcher", "password": "second"}})");
    assert_answer(core.command({"ACL", "WHOAMI"}), "app");
    const std::string there = ask(nodes.sentinel(0), "CLIENT LIST");
    assert_true(there.find("user=watcher") != std::string::npos);
  }
  const redis_core wrong_server(nodes.url("app:second@"), R"({"sentinel": {"user": "watcher", "password": "second"}})");
  assert_failed(wrong_server.command({"GET", "a"}), CACHECORE_DENIED, "WRONGPASS");
  const redis_core wrong_sentinel(nodes.url("app:first@"), R"({"sentinel": {"user": "watcher", "password": "first"}})");
  assert_failed(wrong_sentinel.command({"GET", "a"}), CACHECORE_DENIED, "WRONGPASS");
}

// The master dies under load: writes go on at the promoted replica, none that was acknowledged is lost.
void calls_follow_a_failover(void **) {
  const sentinel_nodes nodes(2, 3);
  const redis_core core(nodes.url(), nullptr, 3'000);
  assert_answer(core.command({"SET", "probe", "0"}), "OK");
  std::atomic<bool> stop{false};
  std::atomic<int64_t> wrong{0}, acknowledged{0}, unexpected{0};
  std::vector<std::vector<std::string>> written(8);
  std::vector<std::thread> callers;
  callers.reserve(written.size());
  for (size_t number = 0; number < written.size(); number++) {
    callers.emplace_back([&, number] {
      for (int64_t i = 0; !stop.load(std::memory_order_relaxed); i++) {
        const std::string key = "w" + std::to_string(number) + ":" + std::to_string(i);
        const outcome came = core.command({"SET", key, "of " + key});
        if (came.status == CACHECORE_OK) {
          written[number].push_back(key);
          acknowledged++;
        } else if (came.status != CACHECORE_UNCERTAIN && came.status != CACHECORE_UNAVAILABLE &&
                   came.status != CACHECORE_TIMEOUT) {
          print_error("%s\n", text_of(came).c_str());
          unexpected++;
        }
        const outcome said = core.command({"ECHO", key});
        if (said.status == CACHECORE_OK && said.answer != key) wrong++;
      }
    });
  }
  wait_until_served(core);
  // What it has acknowledged is on both replicas; then it dies with writes on their way.
  (void)ask(nodes.server(0), "CLIENT PAUSE 60000 WRITE");
  const auto caught_up = [](void *state) {
    const auto *of = static_cast<const sentinel_nodes *>(state);
    const std::string ours = ask(of->server(0), "INFO replication");
    const auto offset = [](const std::string &info, const char *field) {
      const size_t at = info.find(field);
      return at == std::string::npos
                 ? std::string("none")
                 : info.substr(at + std::string(field).size(), info.find('\r', at) - at - std::string(field).size());
    };
    const std::string total = offset(ours, "master_repl_offset:");
    for (size_t i = 1; i < 3; i++) {
      if (offset(ask(of->server(i), "INFO replication"), "slave_repl_offset:") != total) return 0;
    }
    return 1;
  };
  assert_true(test_wait_until(caught_up, const_cast<sentinel_nodes *>(&nodes), test_patience_ms()));
  test_server_kill(nodes.server(0));
  nodes.believe_dead_after(2'000);
  nodes.wait_until_switched(0);
  // A second failover would lose what its master has not passed on.
  nodes.believe_dead_after(60'000);
  wait_until_served(core);
  const int64_t before = acknowledged;
  struct progress {
    std::atomic<int64_t> &now;
    int64_t goal;
  } more{acknowledged, before + 1'000};
  assert_true(test_wait_until(
      [](void *state) {
        auto &self = *static_cast<progress *>(state);
        return self.now >= self.goal ? 1 : 0;
      },
      &more, test_patience_ms()));
  stop = true;
  for (std::thread &each : callers) each.join();
  assert_int_equal(wrong, 0);
  assert_int_equal(unexpected, 0);
  int64_t lost = 0;
  for (const auto &keys : written) {
    for (const std::string &key : keys) lost += core.command({"GET", key}).answer == "of " + key ? 0 : 1;
  }
  assert_int_equal(lost, 0);
}

// A failover in good order: the old master lives on as a replica, and refuses changes.
void a_demoted_master_is_left(void **) {
  const sentinel_nodes nodes(1, 1);
  const redis_core core(nodes.url());
  wait_until_served(core);
  // The sentinel says NOGOODSLAVE until it has heard enough of the replica.
  const auto begun = [](void *sentinel) {
    return ask(static_cast<const test_server *>(sentinel), "SENTINEL FAILOVER mymaster") == "OK" ? 1 : 0;
  };
  assert_true(test_wait_until(begun, nodes.sentinel(0), test_patience_ms()));
  nodes.wait_until_switched(0);
  // The old one is a master for some seconds yet, and takes changes from whoever has not heard; they are lost.
  struct move {
    const redis_core &core;
    std::string port;
  } moved{core, std::to_string(test_server_port(nodes.server(1)))};
  assert_true(test_wait_until(
      [](void *state) {
        const auto &self = *static_cast<const move *>(state);
        return self.core.command({"CONFIG", "GET", "port"}).answer.find(self.port) != std::string::npos ? 1 : 0;
      },
      &moved, test_patience_ms()));
  for (int i = 0; i < 100; i++) {
    const std::string key = "after:" + std::to_string(i);
    assert_answer(core.command({"SET", key, "1"}), "OK");
    assert_answer(core.command({"GET", key}), "1");
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(calls_go_to_the_master),  cmocka_unit_test(a_master_nobody_knows),
      cmocka_unit_test(one_sentinel_is_enough),  cmocka_unit_test(passwords_of_servers_and_sentinels),
      cmocka_unit_test(calls_follow_a_failover), cmocka_unit_test(a_demoted_master_is_left),
  };
  return cmocka_run_group_tests_name("sentinel", tests, nullptr, nullptr);
}
