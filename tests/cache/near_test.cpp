// Copies in the process: asked without a round trip, right as far as they promise, whatever is cut or stopped.

#include <atomic>
#include <cstdlib>

#include "cache_core.h"
#include "groups.h"
#include "tests/support/unit.h"

namespace {

using namespace cache_test;

constexpr int64_t bound_ms = 1'500;

test_server *server;

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  return 0;
}

int stop(void **) {
  test_server_stop(server);
  return 0;
}

int empty(void **) {
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

// A core whose region "r" keeps copies.
struct near_core : cache_core {
  explicit near_core(const char *url = nullptr, const char *config = nullptr)
      : cache_core(url != nullptr ? url : test_server_url(server), config) {
    const near_fields l1(bound_ms);
    define("r", {{"l1", l1.map()}, {"stale_ms", number(600'000)}});
  }
};

void set(const cache_core &core, const std::string &key, const std::string &value) {
  core.ok("set", {text("r"), text(key), text(value)});
}

void set_tagged(const cache_core &core, const std::string &key, const std::string &value, const char *tag) {
  const cachecore_value tags = text(tag);
  core.ok("set", {text("r"), text(key), text(value), cachecore_nil(), cachecore_list(&tags, 1)});
}

std::vector<std::pair<const char *, std::function<void(const cache_core &)>>> invalidations() {
  return {{"delete", [](const cache_core &core) { core.ok("delete", {text("r"), text("k")}); }},
          {"invalidate", [](const cache_core &core) { core.ok("invalidate", {text("r"), text("k*")}); }},
          {"invalidate_tag", [](const cache_core &core) { core.ok("invalidate_tag", {text("r"), text("t")}); }},
          {"clear", [](const cache_core &core) { core.ok("clear", {text("r")}); }}};
}

void a_hit_asks_nobody(void **) {
  const near_core core;
  set(core, "k", "value");
  until_near(core, "r", "k", "value");
  const int64_t before = test_server_info(server, "total_reads_processed");
  for (int i = 0; i < 1'000; i++) assert_found(core.lookup("r", "k"), "hit", "value");
  const outcome last = core.lookup("r", "k");
  assert_true(last.has_age && last.age_ms >= 0);
  // PINGs, and a copy that had to wait for one.
  assert_in_range(test_server_info(server, "total_reads_processed") - before, 0, 100);
  assert_text(core.ok("get", {text("r"), text("k")}).answer, "value");
}

void what_does_not_exist_is_a_copy_too(void **) {
  const near_core core;
  core.ok("store", {text(core.must_load("r", "k")), cachecore_nil()});
  until_near(core, "r", "k", "nil");
}

void values_that_are_no_bytes_are_copied(void **) {
  const near_core core;
  core.ok("set", {text("r"), text("k"), number(42)});
  until_near(core, "r", "k", "42");
}

// Redis tells of it.
void what_others_change_is_seen(void **) {
  const near_core core;
  const cache_core other(test_server_url(server));
  set(other, "k", "old");
  until_near(core, "r", "k", "old");
  set(other, "k", "new");
  assert_true(until([&] { return core.lookup("r", "k").value == "new"; }));
  for (const auto &[name, invalidate] : invalidations()) {
    set_tagged(other, "k", "old", "t");
    until_near(core, "r", "k", "old");
    invalidate(other);
    outcome came;
    assert_true(until([&] { return (came = core.lookup("r", "k")).state == "load"; }));
    assert_text(came.value, "nil");
    core.fail(came.lease, "enough");
  }
  assert_text(redis(server, "FLUSHALL"), "OK");
  set(other, "k", "old");
  until_near(core, "r", "k", "old");
  assert_text(redis(server, "FLUSHALL"), "OK");
  assert_true(until([&] {
    const outcome came = core.lookup("r", "k");
    if (came.state == "load") core.fail(came.lease, "enough");
    return came.state == "load";
  }));
}

// Promise 3: a process always reads its own writes. Others read all the time, so that there is always a copy to be
// wrong with.
void a_process_reads_its_own_writes(void **) {
  const near_core core;
  set(core, "k", "0");
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  on_threads(3, [&](int thread) {
    if (thread > 0) {
      while (!done) {
        const outcome came = core.lookup("r", "k");
        if (!came.lease.empty()) core.fail(came.lease, "not now");
      }
      return;
    }
    for (int i = 1; i <= 150; i++) {
      const std::string value = std::to_string(i);
      set_tagged(core, "k", value, "t");
      const outcome came = core.lookup("r", "k");
      if (came.state != "hit" || came.value != value) wrong++;
      const auto invalidate = invalidations()[static_cast<size_t>(i) % 4];
      invalidate.second(core);
      const outcome after = core.lookup("r", "k");
      if (after.value == value) wrong++;
      if (!after.lease.empty()) core.fail(after.lease, "not now");
    }
    done = true;
  });
  assert_int_equal(wrong, 0);
}

// A change may overtake the reply of a read that was sent before it: what that read shows is not kept.
void no_copy_stays_behind(void **) {
  const near_core core;
  const cache_core other(test_server_url(server));
  set(other, "k", "0");
  std::atomic<int> written{0};
  std::atomic<bool> done{false};
  on_threads(3, [&](int thread) {
    if (thread > 0) {
      while (!done) (void)core.lookup("r", "k");
      return;
    }
    for (int i = 1; i <= 100; i++) {
      const std::string value = std::to_string(i);
      set(other, "k", value);
      written = i;
      if (!until([&] { return core.lookup("r", "k").value == value; })) test_die("a copy stays behind %d", i);
    }
    done = true;
  });
  assert_int_equal(written, 100);
}

// How often the server has read an entry and its lease.
int64_t entries_read() {
  const std::string all = redis(server, "INFO commandstats");
  const std::string label = "cmdstat_mget:calls=";
  const size_t at = all.find(label);
  return at == std::string::npos ? 0 : std::stoll(all.substr(at + label.size()));
}

// The same, made to happen: the server has answered the read and told of the change when either arrives.
void a_change_overtakes_the_reply_of_a_read(void **) {
  test_proxy *proxy = test_proxy_start(server);
  {
    const near_core core(test_proxy_url(proxy));
    const cache_core other(test_server_url(server));
    set(other, "first", "value");
    until_near(core, "r", "first", "value");
    for (int i = 0; i < 40; i++) {
      const std::string key = "k" + std::to_string(i);
      set(other, key, "old");
      const int64_t before = entries_read();
      test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
      pending reads(core, "r", key);
      assert_true(until([&] { return entries_read() > before; }));
      set(other, key, "new");
      test_proxy_hold(proxy, TEST_TO_CLIENT, 0);
      assert_text(reads.wait().value, "old");
      assert_true(until([&] { return core.lookup("r", key).value == "new"; }));
    }
  }
  test_proxy_stop(proxy);
}

void an_invalidation_of_others_costs_no_reads(void **) {
  const near_core core;
  const cache_core other(test_server_url(server));
  for (const char *key : {"a", "b", "c"}) set_tagged(core, key, key, "t");
  for (const char *key : {"a", "b", "c"}) until_near(core, "r", key, key);
  other.ok("invalidate", {text("r"), text("x*")});
  other.ok("invalidate_tag", {text("r"), text("another")});
  // The marker is read once.
  until_near(core, "r", "a", "a");
  const int64_t before = core.figure("r", "near_hits");
  assert_found(core.lookup("r", "b"), "hit", "b");
  assert_found(core.lookup("r", "c"), "hit", "c");
  assert_int_equal(core.figure("r", "near_hits"), before + 2);
}

// Promise 3, the bound: nothing comes from the server any more, and another changes the key.
void a_silent_server_is_not_trusted_for_long(void **) {
  test_proxy *proxy = test_proxy_start(server);
  {
    const near_core core(test_proxy_url(proxy), R"({"redis_timeout_ms": 50})");
    const cache_core other(test_server_url(server));
    set(other, "k", "old");
    until_near(core, "r", "k", "old");
    test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
    set(other, "k", "new");
    const int64_t changed_at = test_now_ms();
    int late = 0;
    while (late < 20) {
      const int64_t asked_at = test_now_ms();
      const outcome came = core.lookup("r", "k");
      if (!came.lease.empty()) core.fail(came.lease, "not now");
      if (asked_at - changed_at <= bound_ms) continue;
      late++;
      if (came.state == "hit") assert_text(came.value, "new");
    }
    test_proxy_hold(proxy, TEST_TO_CLIENT, 0);
    until_near(core, "r", "k", "new");
    const std::string all = core.ok("stats", {}).answer;
    const std::string label = "worst_age_ms: ";
    assert_in_range(std::stoll(all.substr(all.find(label) + label.size())), 0, bound_ms);
  }
  test_proxy_stop(proxy);
}

// Ends the connections to the server that listen for changes, or all but those.
void cut(bool listening) {
  const std::string list = redis(server, "CLIENT LIST");
  for (size_t at = 0; at < list.size();) {
    const size_t end = std::min(list.find('\n', at), list.size());
    const std::string line = list.substr(at, end - at);
    at = end + 1;
    const bool listens = line.find("flags=P") != std::string::npos || line.find("flags=t") != std::string::npos ||
                         line.find("sub=1") != std::string::npos;
    const size_t id = line.find("id=");
    if (id == std::string::npos || listens != listening || line.find("cmd=client|list") != std::string::npos) continue;
    (void)redis(server, "CLIENT KILL ID " + line.substr(id + 3, line.find(' ', id) - id - 3));
  }
}

// What was missed while the connection was away does not matter: copies of before end with it.
void a_connection_that_is_cut_ends_copies(void **) {
  test_proxy *proxy = test_proxy_start(server);
  {
    const near_core core(test_proxy_url(proxy));
    const cache_core other(test_server_url(server));
    for (int round = 0; round < 3; round++) {
      const std::string old_value = "old" + std::to_string(round);
      const std::string new_value = "new" + std::to_string(round);
      set(other, "k", old_value);
      until_near(core, "r", "k", old_value.c_str());
      if (round == 0) cut(true);   // the one that tells of changes
      if (round == 1) cut(false);  // the others
      if (round == 2) {            // all, and no new ones for a while
        test_proxy_refuse(proxy, 1);
        test_proxy_disconnect(proxy);
      }
      set(other, "k", new_value);
      test_proxy_refuse(proxy, 0);
      until_near(core, "r", "k", new_value.c_str());
      for (int i = 0; i < 100; i++) assert_text(core.lookup("r", "k").value, new_value.c_str());
    }
  }
  test_proxy_stop(proxy);
}

void without_tracking_the_ttl_is_the_bound(void **) {
  const cache_core core(test_server_url(server));
  const cache_core other(test_server_url(server));
  const near_fields l1(0, 1 << 20, 300);
  core.define("r", {{"l1", l1.map()}});
  set(other, "k", "old");
  until_near(core, "r", "k", "old");
  set(other, "k", "new");
  const int64_t changed_at = test_now_ms();
  bool renewed = false;
  while (!renewed) {
    const int64_t asked_at = test_now_ms();
    const outcome came = core.lookup("r", "k");
    assert_text(came.state, "hit");
    renewed = came.value == "new";
    if (asked_at - changed_at > 300) assert_true(renewed);
  }
  // Its own it reads at once.
  set(core, "k", "own");
  assert_found(core.lookup("r", "k"), "hit", "own");
  until_near(core, "r", "k", "own");
  for (const auto &[name, invalidate] : invalidations()) {
    set_tagged(core, "k", "own", "t");
    until_near(core, "r", "k", "own");
    invalidate(core);
    core.fail(core.must_load("r", "k"), "enough");
  }
  // Nobody listens: what an earlier test's core had is closed by now, or soon.
  assert_true(until([] { return redis(server, "CLIENT LIST").find("sub=1") == std::string::npos; }));
}

// Promise 6, through the plugin.
void copies_stay_within_their_bytes(void **) {
  const cache_core core(test_server_url(server));
  const near_fields l1(0, 65'536, 600'000);
  core.define("r", {{"l1", l1.map()}});
  for (int i = 0; i < 400; i++) {
    const std::string key = "key" + std::to_string(i);
    set(core, key, std::string(1'000, 'x'));
    (void)core.lookup("r", key);
    assert_true(core.figure("r", "l1_bytes") <= 65'536);
  }
  assert_in_range(core.figure("r", "l1_entries"), 10, 65);
  assert_true(core.figure("r", "l1_evictions") > 0);
}

void a_policy_that_changes_drops_the_copies(void **) {
  const near_core core;
  set(core, "k", "value");
  until_near(core, "r", "k", "value");
  core.define("r", {});
  assert_int_equal(core.figure("r", "l1_entries"), 0);
  assert_found(core.lookup("r", "k"), "hit", "value");
  const near_fields l1(bound_ms, 1 << 17);
  core.define("r", {{"l1", l1.map()}});
  until_near(core, "r", "k", "value");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_hit_asks_nobody, empty),
      cmocka_unit_test_setup(what_does_not_exist_is_a_copy_too, empty),
      cmocka_unit_test_setup(values_that_are_no_bytes_are_copied, empty),
      cmocka_unit_test_setup(what_others_change_is_seen, empty),
      cmocka_unit_test_setup(a_process_reads_its_own_writes, empty),
      cmocka_unit_test_setup(no_copy_stays_behind, empty),
      cmocka_unit_test_setup(a_change_overtakes_the_reply_of_a_read, empty),
      cmocka_unit_test_setup(an_invalidation_of_others_costs_no_reads, empty),
      cmocka_unit_test_setup(a_silent_server_is_not_trusted_for_long, empty),
      cmocka_unit_test_setup(a_connection_that_is_cut_ends_copies, empty),
      cmocka_unit_test_setup(without_tracking_the_ttl_is_the_bound, empty),
      cmocka_unit_test_setup(copies_stay_within_their_bytes, empty),
      cmocka_unit_test_setup(a_policy_that_changes_drops_the_copies, empty),
  };
  return cmocka_run_group_tests(tests, start, stop) + history_tests();
}
