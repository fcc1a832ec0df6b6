// One dead shard must not slow the others: callers of the healthy ones keep their throughput while a node takes every
// byte and answers none.
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

std::string key_of(const cluster_nodes &cluster, size_t node) {
  for (int i = 0;; i++) {
    std::string key = "shard:" + std::to_string(i);
    if (cluster.master_of(cluster_nodes::slot_of(key)) == node) return key;
  }
}

int64_t count_for(const std::atomic<int64_t> &counter, int64_t ms) {
  const int64_t before = counter;
  for (const int64_t until = test_now_ms() + ms; test_now_ms() < until;) poll(nullptr, 0, 5);
  return counter - before;
}

bool is_long() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::strcmp(length, "long") == 0;
}

int64_t median(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Windows with and without the dead shard in turn, so that whatever else the machine does hits both.
void the_living_keep_their_pace(void **) {
  const cluster_nodes cluster(3, 0, {"--cluster-node-timeout", "60000"});
  const redis_core core(cluster.url(), R"({"connect_timeout_ms": 300})", 500);
  std::string keys[3];
  for (size_t i = 0; i < 3; i++) {
    keys[i] = key_of(cluster, i);
    assert_answer(core.command({"SET", keys[i], "1"}), "OK");
  }
  std::atomic<bool> stop{false};
  std::atomic<int64_t> healthy{0}, unexpected{0};
  std::vector<std::thread> callers;
  callers.reserve(12);
  for (size_t i = 0; i < 12; i++) {
    callers.emplace_back([&, shard = i % 3] {
      while (!stop) {
        const outcome came = core.command({"GET", keys[shard]});
        if (shard == 0) continue;
        if (came.status == CACHECORE_OK) {
          healthy++;
        } else {
          unexpected++;
        }
      }
    });
  }
  std::vector<int64_t> with_all, with_dead;
  for (int round = 0; round < 7; round++) {
    with_all.push_back(count_for(healthy, 200));
    test_server_pause(cluster.node(0));
    with_dead.push_back(count_for(healthy, 200));
    test_server_resume(cluster.node(0));
  }
  stop = true;
  for (std::thread &each : callers) each.join();
  print_message("healthy shards: %lld calls with all, %lld with one dead: %.2f\n",
                static_cast<long long>(median(with_all)), static_cast<long long>(median(with_dead)),
                static_cast<double>(median(with_dead)) / static_cast<double>(median(with_all)));
  assert_int_equal(unexpected, 0);
  // Nine tenths on a machine that does nothing else; beside other tests, not a small part of it.
  assert_true(median(with_dead) * 10 >= median(with_all) * (is_long() ? 9 : 4));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(the_living_keep_their_pace)};
  return cmocka_run_group_tests_name("cluster shards", tests, nullptr, nullptr);
}
