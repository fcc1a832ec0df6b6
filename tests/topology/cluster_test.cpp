// Requests find their node in a real cluster: slots, several slots at once, slots on their way.
#include <cstdlib>
#include <string>

#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

cluster_nodes *cluster;

int start_cluster(void **) {
  cluster = new cluster_nodes();
  return 0;
}

int stop_cluster(void **) {
  delete cluster;
  return 0;
}

int empty(void **) {
  for (size_t i = 0; i < 3; i++) {
    if (cluster->ask(i, "FLUSHALL") != "OK") return -1;
  }
  return 0;
}

// Calls of a command a node has executed.
int64_t executed(size_t node, const char *command) {
  const std::string stats = cluster->ask(node, "INFO commandstats");
  const size_t at = stats.find("cmdstat_" + std::string(command) + ":calls=");
  return at == std::string::npos ? 0 : integer_of(stats.substr(stats.find('=', at) + 1));
}

void keys_go_to_their_nodes(void **) {
  const redis_core core(cluster->url(1));
  for (int i = 0; i < 300; i++) {
    const std::string key = "key:" + std::to_string(i);
    assert_answer(core.command({"SET", key, std::to_string(i)}), "OK");
    assert_answer(core.command({"GET", key}), std::to_string(i).c_str());
  }
  for (size_t i = 0; i < 3; i++) assert_true(integer_of(cluster->ask(i, "DBSIZE")) > 50);
  // With the map known nothing was redirected: each SET was executed once, and refused by nobody.
  int64_t sets = 0;
  for (size_t i = 0; i < 3; i++) sets += executed(i, "set");
  assert_int_equal(sets, 300);
}

void several_slots_at_once(void **) {
  const redis_core core(cluster->url());
  assert_answer(core.command({"MSET", "a", "1", "b", "2", "c", "3", "d", "4"}), "OK");
  assert_answer(core.command({"MGET", "d", "a", "none", "c", "b", "a"}), "[4, 1, nil, 3, 2, 1]");
  assert_answer(core.command({"EXISTS", "a", "b", "c", "none"}), "3");
  assert_answer(core.command({"TOUCH", "a", "none"}), "1");
  assert_answer(core.command({"DBSIZE"}), "4");
  assert_answer(core.command({"DEL", "a", "b", "none"}), "2");
  assert_answer(core.command({"UNLINK", "c", "d"}), "2");
  assert_answer(core.pipeline({{"SET", "x", "1"}, {"INCR", "x"}, {"HGET", "x", "f"}, {"GET", "y"}, {"SET", "y", "2"}}),
                "[OK, 2, !-12:WRONGTYPE Operation against a key holding the wrong kind of value, nil, OK]");
  const std::string both = text_of(core.command({"KEYS", "?"}));
  assert_true(both == "[x, y]" || both == "[y, x]");
  assert_answer(core.command({"FLUSHALL"}), "OK");
  for (size_t i = 0; i < 3; i++) assert_string_equal(cluster->ask(i, "DBSIZE").c_str(), "0");
}

void what_must_be_in_one_slot(void **) {
  const redis_core core(cluster->url());
  assert_failed(core.command({"MSETNX", "a", "1", "b", "2"}), CACHECORE_INVALID_ARGUMENT, "\"a\" and \"b\"");
  assert_failed(core.command({"RENAME", "a", "b"}), CACHECORE_INVALID_ARGUMENT, "{tag}");
  assert_failed(core.transaction({{"SET", "a", "1"}, {"SET", "b", "2"}}), CACHECORE_INVALID_ARGUMENT,
                "the transaction");
  assert_failed(core.script("return 1", {"a", "b"}), CACHECORE_INVALID_ARGUMENT, "{tag}");
  assert_answer(core.command({"RENAME", "none{t}", "b{t}"}), "REJECTED: redis.command: ERR no such key");
  assert_answer(core.transaction({{"SET", "a{t}", "1"}, {"INCR", "a{t}"}}), "[OK, 2]");
  assert_answer(core.script("return redis.call('get', KEYS[1]) .. ARGV[1]", {"a{t}", "b{t}"}, {"!"}), "2!");
}

void scanning_sees_every_node(void **) {
  const redis_core core(cluster->url());
  for (int i = 0; i < 100; i++) assert_answer(core.command({"SET", "scan:" + std::to_string(i), "x"}), "OK");
  std::string cursor = "0";
  size_t found = 0;
  do {
    const outcome page = core.call(
        "redis.scan", {cachecore_text("scan:*"), cachecore_int(10), cachecore_bytes(cursor.data(), cursor.size())});
    assert_int_equal(page.status, CACHECORE_OK);
    const size_t end = page.answer.find(", keys: ");
    cursor = page.answer.substr(std::string("{cursor: ").size(), end - std::string("{cursor: ").size());
    for (size_t at = page.answer.find("scan:"); at != std::string::npos; at = page.answer.find("scan:", at + 1))
      found++;
  } while (cursor != "0");
  assert_int_equal(found, 100);
  assert_failed(core.call("redis.scan", {cachecore_text("*"), cachecore_int(10), cachecore_text("0@7")}),
                CACHECORE_INVALID_ARGUMENT, "there is no node 7");
}

// A slot in two places: keys that are there, that have gone, that are new, and several at once.
void a_slot_on_its_way(void **) {
  const redis_core core(cluster->url());
  const uint16_t slot = cluster_nodes::slot_of("{t}");
  const size_t from = cluster->master_of(slot);
  const size_t to = (from + 1) % 3;
  for (const char *key : {"a{t}", "b{t}", "c{t}", "d{t}"}) assert_answer(core.command({"SET", key, key}), "OK");
  cluster->begin_move(slot, from, to);
  cluster->move_keys(slot, from, to, 2);
  for (const char *key : {"a{t}", "b{t}", "c{t}", "d{t}"}) assert_answer(core.command({"GET", key}), key);
  assert_answer(core.command({"SET", "new{t}", "1"}), "OK");  // it is made where the slot is going
  assert_string_equal(cluster->ask(to, "CLUSTER COUNTKEYSINSLOT " + std::to_string(slot)).c_str(), "3");
  assert_answer(core.command({"INCR", "new{t}"}), "2");
  assert_answer(core.transaction({{"INCR", "new{t}"}, {"INCR", "new{t}"}}), "[3, 4]");
  assert_answer(core.script("return redis.call('incr', KEYS[1])", {"new{t}"}), "5");
  assert_answer(core.pipeline({{"INCR", "new{t}"}, {"GET", "a{t}"}, {"GET", "d{t}"}}), "[6, a{t}, d{t}]");
  // Keys in both places at once: nobody can answer until they have all arrived.
  assert_failed(core.command({"MGET", "a{t}", "b{t}", "c{t}", "d{t}"}, 300), CACHECORE_REJECTED, "TRYAGAIN");
  cluster->move_keys(slot, from, to, 10);
  assert_answer(core.command({"MGET", "a{t}", "b{t}", "c{t}", "d{t}"}), "[a{t}, b{t}, c{t}, d{t}]");
  cluster->end_move(slot, from, to);
  for (const char *key : {"a{t}", "b{t}", "c{t}", "d{t}"}) assert_answer(core.command({"GET", key}), key);
  assert_answer(core.command({"INCR", "new{t}"}), "7");
  cluster->begin_move(slot, to, from);
  cluster->move_keys(slot, to, from, 10);
  cluster->end_move(slot, to, from);
  assert_answer(core.transaction({{"INCR", "new{t}"}, {"DEL", "new{t}"}}), "[8, 1]");
}

void blocking_commands_go_to_their_node(void **) {
  const redis_core core(cluster->url());
  for (const char *list : {"list:a", "list:b", "list:c", "list:d"}) {
    assert_answer(core.command({"RPUSH", list, "x"}), "1");
    assert_answer(core.command({"BLPOP", list, "5"}), ("[" + std::string(list) + ", x]").c_str());
    assert_answer(core.command({"BLPOP", list, "0.01"}), "nil");
  }
}

void a_cluster_that_is_none(void **) {
  test_server *alone = test_server_start_tcp(nullptr, nullptr);
  const redis_core core("redis+cluster://127.0.0.1:" + std::to_string(test_server_port(alone)));
  assert_failed(core.command({"GET", "a"}), CACHECORE_UNAVAILABLE, "cluster support disabled");
  test_server_stop(alone);
  const redis_core nobody("redis+cluster://127.0.0.1:1,127.0.0.1:2");
  assert_failed(nobody.command({"GET", "a"}), CACHECORE_UNAVAILABLE, "Connection refused");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(keys_go_to_their_nodes, empty),
      cmocka_unit_test_setup(several_slots_at_once, empty),
      cmocka_unit_test_setup(what_must_be_in_one_slot, empty),
      cmocka_unit_test_setup(scanning_sees_every_node, empty),
      cmocka_unit_test_setup(a_slot_on_its_way, empty),
      cmocka_unit_test_setup(blocking_commands_go_to_their_node, empty),
      cmocka_unit_test(a_cluster_that_is_none),
  };
  return cmocka_run_group_tests_name("cluster", tests, start_cluster, stop_cluster);
}
