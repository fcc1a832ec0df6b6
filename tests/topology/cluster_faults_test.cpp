// A cluster whose nodes die and stop and whose slots move, under load: no wrong reply, no lost acknowledged write,
// recovery without a restart.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

bool long_form() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::strcmp(length, "long") == 0;
}

// One thread's writes: each key is written once, with a value nobody else writes.
struct history {
  std::map<std::string, cachecore_status> written;
  int64_t wrong_replies = 0;
  int64_t acknowledged = 0, failed = 0, uncertain = 0;
  std::vector<std::string> unexpected;
};

void write_and_read(const redis_core &core, int number, const std::atomic<bool> &stop, std::atomic<int64_t> &total,
                    history &out) {
  for (int64_t i = 0; !stop.load(std::memory_order_relaxed); i++) {
    const std::string key = "w" + std::to_string(number) + ":" + std::to_string(i);
    const outcome came = core.command({"SET", key, "value of " + key});
    out.written[key] = came.status;
    switch (came.status) {
      case CACHECORE_OK:
        out.acknowledged++;
        total.fetch_add(1, std::memory_order_relaxed);
        break;
      case CACHECORE_UNCERTAIN:
        out.uncertain++;
        break;
      case CACHECORE_UNAVAILABLE:
      case CACHECORE_TIMEOUT:
      case CACHECORE_REJECTED:
        out.failed++;
        break;
      default:
        out.unexpected.push_back(text_of(came));
    }
    // A reply that belongs to another request would show here.
    const std::string echo = "echo " + key;
    const outcome said = core.command({"ECHO", echo});
    if (said.status == CACHECORE_OK && said.answer != echo) out.wrong_replies++;
    const outcome read = core.command({"GET", key});
    if (read.status == CACHECORE_OK && read.answer != "value of " + key &&
        (came.status == CACHECORE_OK || read.answer != "nil")) {
      out.wrong_replies++;
    }
  }
}

class load {
 public:
  load(const redis_core &core, int threads) : histories_(static_cast<size_t>(threads)) {
    for (int i = 0; i < threads; i++) {
      threads_.emplace_back(
          [&core, i, this] { write_and_read(core, i, stop_, total_, histories_[static_cast<size_t>(i)]); });
    }
  }
  [[nodiscard]] int64_t acknowledged() const { return total_.load(std::memory_order_relaxed); }
  // Until so many more writes have been acknowledged.
  void wait_for(int64_t more) const {
    struct goal {
      const load &of;
      int64_t total;
    } reached{*this, acknowledged() + more};
    const auto holds = [](void *state) {
      const auto &wanted = *static_cast<goal *>(state);
      return wanted.of.acknowledged() >= wanted.total ? 1 : 0;
    };
    assert_true(test_wait_until(holds, &reached, test_patience_ms()));
  }
  void end() {
    stop_ = true;
    for (std::thread &each : threads_) each.join();
  }
  [[nodiscard]] std::vector<history> &histories() { return histories_; }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> total_{0};
  std::vector<history> histories_;
  std::vector<std::thread> threads_;
};

// Waits until a write to the slot's node succeeds.
void wait_until_served(const redis_core &core, const std::string &key) {
  struct probe {
    const redis_core &core;
    const std::string &key;
  } asked{core, key};
  const auto served = [](void *state) {
    auto &self = *static_cast<probe *>(state);
    return self.core.command({"SET", self.key, "1"}).status == CACHECORE_OK ? 1 : 0;
  };
  assert_true(test_wait_until(served, &asked, test_patience_ms()));
}

std::string key_in(const cluster_nodes &cluster, size_t node) {
  for (int i = 0;; i++) {
    std::string key = "probe:" + std::to_string(i);
    if (cluster.master_of(cluster_nodes::slot_of(key)) == node) return key;
  }
}

void check_histories(const redis_core &core, std::vector<history> &histories, bool failures_expected) {
  int64_t acknowledged = 0, failed = 0, uncertain = 0;
  for (history &each : histories) {
    assert_int_equal(each.wrong_replies, 0);
    for (const std::string &what : each.unexpected) print_error("unexpected: %s\n", what.c_str());
    assert_true(each.unexpected.empty());
    acknowledged += each.acknowledged;
    failed += each.failed;
    uncertain += each.uncertain;
    int64_t lost = 0, undead = 0;
    for (const auto &[key, status] : each.written) {
      const outcome read = core.command({"GET", key});
      assert_int_equal(read.status, CACHECORE_OK);
      const bool present = read.answer == "value of " + key;
      if (status == CACHECORE_OK && !present) lost++;
      if (status != CACHECORE_OK && status != CACHECORE_UNCERTAIN && present) undead++;
    }
    assert_int_equal(lost, 0);
    assert_int_equal(undead, 0);
  }
  print_message("writes: %lld acknowledged, %lld failed, %lld uncertain\n", static_cast<long long>(acknowledged),
                static_cast<long long>(failed), static_cast<long long>(uncertain));
  assert_true(acknowledged > 0);
  if (!failures_expected) assert_int_equal(failed + uncertain, 0);
}

// Slots move back and forth under load: nobody notices.
void slots_move_under_load(void **) {
  const cluster_nodes cluster;
  const redis_core core(cluster.url());
  load callers(core, long_form() ? 64 : 16);
  const int rounds = long_form() ? 200 : 12;
  for (int i = 0; i < rounds; i++) {
    const auto slot = static_cast<uint16_t>((i * 1'361) % 16'384);
    const size_t from = cluster.master_of(slot);
    const size_t to = (from + 1) % 3;
    cluster.begin_move(slot, from, to);
    // More keys may come as long as callers hold the old map.
    while (cluster.ask(from, "CLUSTER COUNTKEYSINSLOT " + std::to_string(slot)) != "0") {
      cluster.move_keys(slot, from, to, 100);
    }
    cluster.end_move(slot, from, to);
    callers.wait_for(500);
  }
  callers.end();
  check_histories(core, callers.histories(), false);
}

// One master is killed, another stops: their replicas take over.
void masters_die_and_stop_under_load(void **) {
  const cluster_nodes cluster;
  const redis_core core(cluster.url(), nullptr, 3'000);
  load callers(core, long_form() ? 64 : 16);
  const std::string of_second = key_in(cluster, 1);
  const std::string of_first = key_in(cluster, 0);
  wait_until_served(core, of_first);
  // What was acknowledged is on the replica; what is on its way when it dies is not.
  cluster.hold_writes(0);
  test_server_kill(cluster.node(0));
  cluster.wait_until_moved(cluster_nodes::slot_of(of_first), 0);
  wait_until_served(core, of_first);
  callers.wait_for(2'000);
  cluster.hold_writes(1);
  test_server_pause(cluster.node(1));
  wait_until_served(core, of_second);
  callers.wait_for(2'000);
  callers.end();
  // Only now may it go on: what was sent to it has been answered UNCERTAIN by then.
  test_server_resume(cluster.node(1));
  cluster.wait_until_whole();
  check_histories(core, callers.histories(), true);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(slots_move_under_load),
      cmocka_unit_test(masters_die_and_stop_under_load),
  };
  return cmocka_run_group_tests_name("cluster faults", tests, nullptr, nullptr);
}
