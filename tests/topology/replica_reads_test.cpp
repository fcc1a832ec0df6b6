// Reads by replicas: they answer, but nothing older than was asked for; what they cannot answer, the master does.
#include "core/topology/replica_reads.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"
#include "tests/topology/redis_core.h"
#include "tests/topology/sentinel_nodes.h"

using namespace topology_test;
using cachecore_internal::parse_replication_info;
using cachecore_internal::replication_info;

namespace {

constexpr const char *by_replicas = R"({"read_from": "replica", "max_staleness_ms": 200})";

std::string ask(const test_server *server, const char *command) {
  char *text = test_command_text(server, command);
  std::string out(text);
  free(text);
  return out;
}

int64_t gets_at(const test_server *server) {
  const std::string stats = ask(server, "INFO commandstats");
  const std::string name = "cmdstat_get:calls=";
  const size_t at = stats.find(name);
  return at == std::string::npos ? 0 : integer_of(stats.substr(at + name.size()));
}

// Reads until one has gone to this server.
void read_until_asked(const redis_core &core, const test_server *server, const char *key) {
  struct state {
    const redis_core &core;
    const test_server *server;
    const char *key;
    int64_t before;
  } reading{core, server, key, gets_at(server)};
  assert_true(test_wait_until(
      [](void *context) {
        const auto &self = *static_cast<const state *>(context);
        if (self.core.command({"GET", self.key}).status != CACHECORE_OK) return 0;
        return gets_at(self.server) > self.before ? 1 : 0;
      },
      &reading, test_patience_ms()));
}

// Reads until the answer is this one.
void read_until(const redis_core &core, const char *key, const char *answer) {
  struct state {
    const redis_core &core;
    const char *key, *answer;
  } reading{core, key, answer};
  assert_true(test_wait_until(
      [](void *context) {
        const auto &self = *static_cast<const state *>(context);
        return self.core.command({"GET", self.key}).answer == self.answer ? 1 : 0;
      },
      &reading, test_patience_ms()));
}

void replicas_answer_reads_alone(void **) {
  const sentinel_nodes nodes(2, 1);
  const redis_core core(nodes.url(), by_replicas);
  assert_answer(core.command({"SET", "a", "1"}), "OK");
  read_until_asked(core, nodes.server(1), "a");
  read_until_asked(core, nodes.server(2), "a");
  // What changes data, transactions, and what asks about the server go to the master.
  assert_answer(core.command({"INCR", "a"}), "2");
  assert_answer(core.transaction({{"GET", "a"}, {"INCR", "a"}}), "[2, 3]");
  assert_true(core.command({"ROLE"}).answer.starts_with("[master"));
  assert_answer(core.pipeline({{"INCR", "a"}, {"GET", "a"}}), "[4, 4]");
}

void without_being_told_the_master_answers(void **) {
  const sentinel_nodes nodes(1, 1);
  const redis_core core(nodes.url());
  assert_answer(core.command({"SET", "a", "1"}), "OK");
  for (int i = 0; i < 50; i++) assert_answer(core.command({"GET", "a"}), "1");
  assert_int_equal(gets_at(nodes.server(1)), 0);
}

// It answers still, from what it had: but nothing proves that to be young enough.
void a_replica_cut_off_is_not_asked(void **) {
  const sentinel_nodes nodes(1, 1);
  const redis_core core(nodes.url(), by_replicas);
  assert_answer(core.command({"SET", "a", "old"}), "OK");
  read_until_asked(core, nodes.server(1), "a");
  read_until(core, "a", "old");

  // It comes back as nobody, and is not let in.
  ask(nodes.server(1), "CONFIG SET masteruser nobody");
  ask(nodes.server(1), "CONFIG SET masterauth wrong");
  ask(nodes.server(0), "CLIENT KILL TYPE replica");
  assert_answer(core.command({"SET", "a", "new"}), "OK");
  read_until(core, "a", "new");
  const int64_t before = gets_at(nodes.server(1));
  for (int i = 0; i < 200; i++) assert_answer(core.command({"GET", "a"}), "new");
  assert_string_equal(ask(nodes.server(1), "GET a").c_str(), "old");
  assert_true(gets_at(nodes.server(1)) <= before + 1);

  free(test_command_text(nodes.server(1), "CONFIG SET masteruser %s", ""));
  free(test_command_text(nodes.server(1), "CONFIG SET masterauth %s", ""));
  read_until_asked(core, nodes.server(1), "a");
}

void a_replica_that_dies_or_stops_costs_no_answer(void **) {
  const sentinel_nodes nodes(2, 1);
  const redis_core core(nodes.url(), by_replicas);
  assert_answer(core.command({"SET", "a", "1"}), "OK");
  read_until_asked(core, nodes.server(1), "a");
  read_until_asked(core, nodes.server(2), "a");
  test_server_kill(nodes.server(1));
  for (int i = 0; i < 100; i++) assert_answer(core.command({"GET", "a"}), "1");
  test_server_pause(nodes.server(2));
  for (int i = 0; i < 100; i++) assert_answer(core.command({"GET", "a"}), "1");
  test_server_resume(nodes.server(2));
  read_until_asked(core, nodes.server(2), "a");
}

void replicas_of_a_cluster(void **) {
  const cluster_nodes nodes(3, 1);
  const redis_core core(nodes.url(), by_replicas);
  for (size_t i = 0; i < 3; i++) {
    // A key of each master.
    std::string key;
    for (int n = 0; key.empty(); n++) {
      const std::string candidate = "k" + std::to_string(n);
      if (nodes.master_of(cluster_nodes::slot_of(candidate)) == i) key = candidate;
    }
    assert_answer(core.command({"SET", key, key}), "OK");
    read_until_asked(core, nodes.node(3 + i), key.c_str());
    read_until(core, key.c_str(), key.c_str());
  }
  test_server_kill(nodes.node(3));
  for (int n = 0; n < 100; n++) assert_int_equal(core.command({"GET", "k" + std::to_string(n)}).status, CACHECORE_OK);
}

void only_where_there_can_be_replicas(void **) {
  cachecore_options options;
  cachecore_options_init(&options);
  cachecore_error error;
  cachecore_handle *core = nullptr;
  const auto refused = [&](const char *json, const char *part) {
    options.config_json = json;
    assert_int_equal(cachecore_init(&options, &core, &error), CACHECORE_INVALID_ARGUMENT);
    assert_null(core);
    assert_non_null(std::strstr(error.message, part));
  };
  refused(R"({"url": "redis://127.0.0.1", "read_from": "replica"})", "names no replicas: use redis+sentinel://");
  refused(R"({"url": "redis+cluster://127.0.0.1", "read_from": "nearest"})",
          "must be \"master\" or \"replica\", got \"nearest\"");
  refused(R"({"url": "redis+cluster://127.0.0.1", "max_staleness_ms": 50})", "has no effect without");
  refused(R"({"url": "redis+cluster://127.0.0.1", "read_from": "replica", "max_staleness_ms": 9})",
          "from 10 to 3600000, got 9");
}

void what_info_says(void **) {
  const replication_info master = parse_replication_info(
      "# "
      "Replication\r\nrole:master\r\nconnected_slaves:3\r\nslave0:ip=10.0.0.2,port=6380,state=online,offset=14,lag="
      "1\r\n"
      "slave1:ip=10.0.0.3,port=6381,state=wait_bgsave,offset=0,lag=0\r\nslave2:ip=::1,port=6382,state=online,offset=1,"
      "lag=0\r\n"
      "slaves:ip=1,port=1,state=online\r\nmaster_replid:abc\r\nmaster_repl_offset:28\r\nslave_repl_offset:7\r\n");
  assert_true(master.is_master);
  assert_false(master.follows);
  assert_string_equal(master.history.c_str(), "abc");
  assert_int_equal(master.offset, 28);
  assert_int_equal(master.replicas.size(), 2);
  assert_string_equal(master.replicas[1].host.c_str(), "::1");
  assert_int_equal(master.replicas[1].port, 6382);

  const std::string follower =
      "role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:14\r\nmaster_replid:"
      "abc\r\n"
      "master_repl_offset:99\r\n";
  assert_true(parse_replication_info(follower).follows);
  assert_int_equal(parse_replication_info(follower).offset, 14);
  assert_false(parse_replication_info("role:slave\nmaster_link_status:down\nslave_repl_offset:14\n").follows);
  assert_false(parse_replication_info("role:slave\nmaster_link_status:up\nmaster_sync_in_progress:1\n").follows);
  // What cannot be read proves nothing.
  assert_int_equal(parse_replication_info("role:master\nmaster_repl_offset:12x").offset, -1);
  assert_int_equal(parse_replication_info("role:slave\nslave_repl_offset:-1").offset, -1);
  assert_true(parse_replication_info("slave0:ip=a,port=0,state=online\nslave1:port=1,state=online\nslave2:=,")
                  .replicas.empty());
  assert_int_equal(parse_replication_info("").offset, -1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_info_says),
      cmocka_unit_test(only_where_there_can_be_replicas),
      cmocka_unit_test(replicas_answer_reads_alone),
      cmocka_unit_test(without_being_told_the_master_answers),
      cmocka_unit_test(a_replica_cut_off_is_not_asked),
      cmocka_unit_test(a_replica_that_dies_or_stops_costs_no_answer),
      cmocka_unit_test(replicas_of_a_cluster),
  };
  return cmocka_run_group_tests_name("replica reads", tests, nullptr, nullptr);
}
