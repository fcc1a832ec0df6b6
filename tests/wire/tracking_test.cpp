// Hearing of changed keys: what is told, how old a copy may be, and what a loss does.
#include "core/wire/tracking.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "core/core.h"
#include "core/runtime/clock.h"
#include "tests/plugins/show.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

// What on_changed was told, as text.
struct heard_keys {
  std::mutex mutex;
  std::vector<std::string> told;

  static void changed(void *state, const cachecore_value *keys) {
    auto &self = *static_cast<heard_keys *>(state);
    const std::lock_guard<std::mutex> lock(self.mutex);
    self.told.push_back(show(*keys));
  }
  size_t count() {
    const std::lock_guard<std::mutex> lock(mutex);
    return told.size();
  }
  void forget() {
    const std::lock_guard<std::mutex> lock(mutex);
    told.clear();
  }
  bool has(const std::string &what) {
    const std::lock_guard<std::mutex> lock(mutex);
    return std::find(told.begin(), told.end(), what) != told.end();
  }
};

bool until(const std::function<bool()> &holds) {
  const auto call = [](void *context) { return (*static_cast<const std::function<bool()> *>(context))() ? 1 : 0; };
  return test_wait_until(call, const_cast<std::function<bool()> *>(&holds), test_patience_ms()) != 0;
}

const cachecore_tracked *wait_for(cachecore_tracking &tracking, const std::string &key, uint64_t *epoch) {
  const cachecore_tracked *found = nullptr;
  assert_true(until([&] { return (found = tracking.at(key, epoch)) != nullptr; }));
  return found;
}

int64_t age(const cachecore_tracked *at, uint64_t epoch) {
  return cachecore_internal::tracking_service()->age_ms(at, epoch);
}

int64_t proven(const cachecore_tracked *at, uint64_t epoch) {
  return cachecore_internal::tracking_service()->proven_ms(at, epoch);
}

std::string ask(const test_server *server, const std::string &command) {
  char *text = test_command_text(server, command.c_str());
  std::string out(text);
  free(text);
  return out;
}

void changes_are_told(void **) {
  test_server *server = test_server_start_tcp(nullptr, nullptr);
  {
    heard_keys heard;  // outlives the core, whose thread tells it
    const redis_core core(test_server_tcp_url(server));
    cachecore_tracking &tracking =
        *core.handle()->running->tracked().begin({"app:", "other:"}, heard_keys::changed, &heard);
    // Nothing is opened before somebody asks.
    assert_int_equal(test_server_info(server, "connected_clients"), 1);
    uint64_t epoch = 0;
    const cachecore_tracked *at = wait_for(tracking, "app:1", &epoch);
    assert_true(age(at, epoch) >= 0);
    // The same told as a moment, which goes on with every PING that is answered.
    const int64_t moment = proven(at, epoch);
    assert_in_range(moment, 1, cachecore_internal::boot_ns() / cachecore_internal::ns_per_ms);
    assert_true(until([&] { return proven(at, epoch) > moment; }));
    assert_int_equal(proven(at, epoch + 1), 0);
    assert_string_equal(ask(server, "SET app:1 x").c_str(), "OK");
    assert_string_equal(ask(server, "SET elsewhere x").c_str(), "OK");
    assert_string_equal(ask(server, "MSET app:2 x other:1 y").c_str(), "OK");
    assert_true(until([&] { return heard.has("[app:1]") && heard.has("[app:2]") && heard.has("[other:1]"); }));
    assert_false(heard.has("[elsewhere]"));
    assert_string_equal(ask(server, "SET app:short x PX 1").c_str(), "OK");
    assert_true(until([&] {
      (void)ask(server, "GET app:short");
      const std::lock_guard<std::mutex> lock(heard.mutex);
      return std::count(heard.told.begin(), heard.told.end(), "[app:short]") >= 2;
    }));
    assert_string_equal(ask(server, "FLUSHALL").c_str(), "OK");
    assert_true(until([&] { return heard.has("nil"); }));
    tracking.end();
    const size_t before = heard.count();
    assert_answer(core.command({"SET", "app:1", "z"}), "OK");
    assert_answer(core.command({"PING"}), "PONG");
    assert_int_equal(heard.count(), before);
  }
  test_server_stop(server);
}

// A server that stops answering: the age grows, and nothing pretends to be fresh. A connection that is lost: copies end
// at once, and new ones can be made in another epoch.
void losses_end_copies(void **) {
  test_server *server = test_server_start_tcp(nullptr, nullptr);
  test_proxy *proxy = test_proxy_start(server);
  {
    heard_keys heard;
    const redis_core core(test_proxy_tcp_url(proxy));
    cachecore_tracking &tracking = *core.handle()->running->tracked().begin({""}, heard_keys::changed, &heard);
    uint64_t epoch = 0;
    const cachecore_tracked *at = wait_for(tracking, "a", &epoch);
    test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
    assert_string_equal(ask(server, "SET a x").c_str(), "OK");
    const int64_t old = age(at, epoch);
    assert_true(until([&] { return age(at, epoch) > old + 1'000; }));
    assert_false(heard.has("[a]"));
    test_proxy_hold(proxy, TEST_TO_CLIENT, 0);
    // Told first, fresh afterwards: the answered PING comes behind the change.
    assert_true(until([&] { return age(at, epoch) < 500; }));
    assert_true(heard.has("[a]"));
    test_proxy_disconnect(proxy);
    assert_true(until([&] { return age(at, epoch) == -1; }));
    uint64_t later = 0;
    const cachecore_tracked *again = wait_for(tracking, "a", &later);
    assert_ptr_equal(again, at);
    assert_true(later != epoch);
    assert_int_equal(age(at, epoch), -1);
    assert_int_equal(proven(at, epoch), 0);
    assert_true(age(at, later) >= 0);
  }
  test_proxy_stop(proxy);
  test_server_stop(server);
}

// Each master tells of its own keys; a slot that moves is told of by its old node, and a new master by itself.
void masters_of_a_cluster(void **) {
  const cluster_nodes cluster;
  heard_keys heard;
  const redis_core core(cluster.url());
  cachecore_tracking &tracking = *core.handle()->running->tracked().begin({""}, heard_keys::changed, &heard);
  for (const std::string key : {"a", "b", "c", "d"}) {
    uint64_t epoch = 0;
    (void)wait_for(tracking, key, &epoch);
    assert_answer(core.command({"SET", key, "1"}), "OK");
    assert_true(until([&] { return heard.has("[" + key + "]"); }));
  }
  const uint16_t slot = cluster_nodes::slot_of("a");
  const size_t from = cluster.master_of(slot);
  const size_t to = (from + 1) % 3;
  heard.forget();
  cluster.begin_move(slot, from, to);
  cluster.move_keys(slot, from, to, 10);
  cluster.end_move(slot, from, to);
  assert_true(until([&] { return heard.has("[a]"); }));
  uint64_t epoch = 0;
  assert_answer(core.command({"GET", "a"}), "1");  // by which the core learns where it is now
  const cachecore_tracked *at = wait_for(tracking, "a", &epoch);
  test_server_kill(cluster.node(to));
  assert_true(until([&] { return age(at, epoch) == -1; }));
  cluster.wait_until_moved(slot, to);
  assert_true(until([&] { return core.command({"SET", "a", "2"}).status == CACHECORE_OK; }));
  const cachecore_tracked *of_new = nullptr;
  assert_true(until([&] {
    of_new = tracking.at("a", &epoch);
    return of_new != nullptr && of_new != at;
  }));
  heard.forget();
  assert_answer(core.command({"SET", "a", "3"}), "OK");
  assert_true(until([&] { return heard.has("[a]"); }));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(changes_are_told),
      cmocka_unit_test(losses_end_copies),
      cmocka_unit_test(masters_of_a_cluster),
  };
  return cmocka_run_group_tests_name("tracking", tests, nullptr, nullptr);
}
