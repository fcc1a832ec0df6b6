// Subscriptions in a cluster: channels, events of keys, shard channels; nodes that die and slots that move.
#include <cstdlib>
#include <string>

#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

cluster_nodes *cluster;

int start_cluster(void **) {
  cluster = new cluster_nodes(3, 1, {"--notify-keyspace-events", "E$"});
  return 0;
}

int stop_cluster(void **) {
  delete cluster;
  return 0;
}

std::string publish(size_t node, const std::string &command) { return cluster->ask(node, command); }

void channels_are_the_same_everywhere(void **) {
  const redis_core core(cluster->url());
  listener heard(core, {"news", "other"});
  (void)heard.next_with("channel: news");
  for (size_t i = 0; i < 3; i++) {
    (void)publish(i, "PUBLISH news from" + std::to_string(i));
    assert_string_equal(heard.next_with("message").c_str(),
                        ("{kind: message, channel: news, payload: from" + std::to_string(i) + "}").c_str());
  }
  listener by_pattern(core, {"n?ws"}, listener::kind::patterns);
  (void)by_pattern.next_with("subscribed");
  (void)publish(1, "PUBLISH news again");
  assert_string_equal(by_pattern.next().c_str(), "{kind: message, channel: news, payload: again, pattern: n?ws}");
}

// Each master tells of its own keys only.
void events_of_keys_come_from_every_master(void **) {
  const redis_core core(cluster->url());
  listener heard(core, {"__keyevent@0__:set"});
  for (int i = 0; i < 3; i++) (void)heard.next_with("subscribed");
  for (const char *key : {"a", "b", "c", "d", "e", "f"}) {
    assert_answer(core.command({"SET", key, "1"}), "OK");
    (void)heard.next_with(std::string("payload: ") + key);
  }
}

void shard_channels_move_with_their_slot(void **) {
  const redis_core core(cluster->url());
  const uint16_t slot = cluster_nodes::slot_of("orders");
  const size_t from = cluster->master_of(slot);
  const size_t to = (from + 1) % 3;
  listener heard(core, {"orders", "bills", "letters"}, listener::kind::sharded);
  for (int i = 0; i < 3; i++) (void)heard.next_with("subscribed");
  for (const char *channel : {"orders", "bills", "letters"}) {
    assert_answer(core.command({"SPUBLISH", channel, "hello"}), "1");
    assert_string_equal(heard.next().c_str(),
                        ("{kind: message, channel: " + std::string(channel) + ", payload: hello}").c_str());
  }
  cluster->begin_move(slot, from, to);
  cluster->move_keys(slot, from, to, 100);
  cluster->end_move(slot, from, to);
  assert_string_equal(heard.next_with("deaf").c_str(), "{kind: deaf, reason: the slot of the channel has moved}");
  assert_string_equal(heard.next_with("subscribed").c_str(), "{kind: subscribed, channel: orders}");
  assert_answer(core.command({"SPUBLISH", "orders", "moved"}), "1");
  (void)heard.next_with("payload: moved");
}

// The last test: a master is gone for good. Whoever carried the channel, or the key's events, another one does now.
void a_master_dies(void **) {
  const redis_core core(cluster->url(), nullptr, 3'000);
  listener events(core, {"__keyevent@0__:set"});
  for (int i = 0; i < 3; i++) (void)events.next_with("subscribed");
  listener heard(core, {"news"});
  (void)heard.next_with("subscribed");
  const std::string key = "a";
  const size_t owner = cluster->master_of(cluster_nodes::slot_of(key));
  test_server_kill(cluster->node(owner));
  (void)events.next_with("deaf");
  cluster->wait_until_moved(cluster_nodes::slot_of(key), owner);
  (void)events.next_with("subscribed");
  const auto set = [](void *state) {
    return static_cast<const redis_core *>(state)->command({"SET", "a", "2"}).status == CACHECORE_OK ? 1 : 0;
  };
  assert_true(test_wait_until(set, const_cast<redis_core *>(&core), test_patience_ms()));
  (void)events.next_with("payload: a");
  const size_t living = cluster->master_of(cluster_nodes::slot_of(key));
  (void)publish(living, "PUBLISH news still");
  (void)heard.next_with("payload: still");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(channels_are_the_same_everywhere),
      cmocka_unit_test(events_of_keys_come_from_every_master),
      cmocka_unit_test(shard_channels_move_with_their_slot),
      cmocka_unit_test(a_master_dies),
  };
  return cmocka_run_group_tests_name("cluster subscriptions", tests, start_cluster, stop_cluster);
}
