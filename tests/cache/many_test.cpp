// Several keys at once: one round trip, each key loaded once, and nobody waits for himself.

#include <algorithm>

#include "cache_core.h"
#include "groups.h"
#include "tests/plugins/show.h"
#include "tests/support/unit.h"

namespace {

using namespace cache_test;

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

// What lookup_many said of each key: its state, and the lease or value.
struct found {
  std::string state;
  std::string what;
};

std::vector<found> read(const cachecore_value &list) {
  std::vector<found> all;
  for (size_t i = 0; i < list.as.list.count; i++) {
    const cachecore_value &item = list.as.list.items[i];
    if (item.kind != CACHECORE_MAP) {
      all.push_back({"error", show(item)});
      continue;
    }
    found one;
    for (size_t p = 0; p < item.as.map.count; p++) {
      const std::string name = show(item.as.map.pairs[p].key);
      const cachecore_value &value = item.as.map.pairs[p].value;
      if (name == "state") one.state = show(value);
      if ((name == "value" || name == "lease") && value.kind != CACHECORE_NIL) one.what = show(value);
    }
    all.push_back(one);
  }
  return all;
}

std::vector<found> lookup_many(const cache_core &core, const std::vector<std::string> &keys) {
  std::vector<cachecore_value> names;
  names.reserve(keys.size());
  for (const std::string &each : keys) names.push_back(text(each));
  const cachecore_value args[] = {text("r"), cachecore_list(names.data(), names.size())};
  cachecore_result *result = nullptr;
  cachecore_error error;
  if (cachecore_invoke(core.handle(), "cache.lookup_many", args, 2, &result, &error) != CACHECORE_OK) {
    test_die("%s", error.message);
  }
  const std::vector<found> all = read(*cachecore_result_value(result));
  cachecore_result_free(result);
  return all;
}

// Stores for each lease the value that stands behind it; what store_many answers.
std::string store_many(const cache_core &core, const std::vector<std::pair<std::string, std::string>> &loads) {
  std::vector<std::vector<cachecore_pair>> pairs;
  std::vector<cachecore_value> maps;
  pairs.reserve(loads.size());
  for (const auto &[lease, value] : loads)
    pairs.push_back({{text("lease"), text(lease)}, {text("value"), text(value)}});
  maps.reserve(pairs.size());
  for (const auto &each : pairs) maps.push_back(cachecore_map(each.data(), each.size()));
  return core.ok("store_many", {cachecore_list(maps.data(), maps.size())}).answer;
}

void keys_are_loaded_once_and_found(void **) {
  const cache_core core(test_server_url(server));
  core.ok("set", {text("r"), text("b"), text("B")});
  const std::vector<found> first = lookup_many(core, {"a", "b", "c"});
  assert_int_equal(first.size(), 3);
  assert_text(first[0].state, "load");
  assert_text(first[1].state, "hit");
  assert_text(first[1].what, "B");
  assert_text(first[2].state, "load");
  assert_text(store_many(core, {{first[0].what, "A"}, {first[2].what, "C"}}), "[true, true]");
  for (const found &each : lookup_many(core, {"a", "b", "c"})) assert_text(each.state, "hit");
  assert_int_equal(core.figure("r", "loads"), 2);
  assert_int_equal(lookup_many(core, {}).size(), 0);
}

// Ten thousand keys are a few thousand reads of the server, not ten thousand.
void they_go_out_together(void **) {
  const cache_core core(test_server_url(server));
  std::vector<std::string> keys;
  for (int i = 0; i < 500; i++) {
    keys.push_back("key" + std::to_string(i));
    core.ok("set", {text("r"), text(keys.back()), text(keys.back())});
  }
  const int64_t before = test_server_info(server, "total_reads_processed");
  const std::vector<found> all = lookup_many(core, keys);
  const int64_t reads = test_server_info(server, "total_reads_processed") - before;
  for (size_t i = 0; i < keys.size(); i++) assert_text(all[i].what, keys[i].c_str());
  // The server reads 16 KiB at a time.
  assert_in_range(reads, 1, 30);
}

// Two who are told to load what the other asks for, too.
void nobody_waits_while_he_holds_a_lease(void **) {
  const cache_core core(test_server_url(server));
  const std::string held = core.must_load("r", "a");
  std::vector<found> both = lookup_many(core, {"a", "b"});
  assert_text(both[0].state, "loading");
  assert_text(both[1].state, "load");
  const std::string b = both[1].what;
  // The same key twice is somebody else's, too.
  both = lookup_many(core, {"c", "c"});
  assert_text(both[0].state, "load");
  assert_text(both[1].state, "loading");
  core.fail(both[0].what, "enough");
  assert_true(core.store(b, "B"));
  assert_true(core.store(held, "A"));
  both = lookup_many(core, {"a", "b"});
  assert_text(both[0].what, "A");
  assert_text(both[1].what, "B");
}

// One who has nothing to load waits for the others.
void who_has_nothing_to_load_waits(void **) {
  const cache_core core(test_server_url(server));
  const std::string a = core.must_load("r", "a");
  const std::string b = core.must_load("r", "b");
  std::vector<found> both;
  on_threads(2, [&](int thread) {
    if (thread == 0) {
      both = lookup_many(core, {"a", "b"});
      return;
    }
    core.wait_for_waiting("r", 1);
    core.fail(b, "no database");
    core.store(a, "A");
  });
  assert_text(both[0].state, "hit");
  assert_text(both[0].what, "A");
  // Nobody loads it any more.
  assert_text(both[1].state, "load");
  core.fail(both[1].what, "enough");
}

void leases_that_reach_nobody_go_on(void **) {
  const cache_core core(test_server_url(server));
  cachecore_completions *queue = nullptr;
  cachecore_error error;
  const cachecore_method *method = nullptr;
  assert_int_equal(cachecore_completions_create(core.handle(), &queue, &error), CACHECORE_OK);
  assert_int_equal(cachecore_method_find(core.handle(), "cache.lookup_many", &method, &error), CACHECORE_OK);
  const cachecore_value keys[] = {text("a"), text("b")};
  const cachecore_value args[] = {text("r"), cachecore_list(keys, 2)};
  uint64_t operation = 0;
  assert_int_equal(cachecore_submit(core.handle(), method, args, 2, 0, queue, 0, &operation, &error), CACHECORE_OK);
  assert_true(until([&] { return core.figure("r", "loads") == 2; }));
  cachecore_completions_destroy(queue);
  core.store(core.must_load("r", "a"), "A");
  core.store(core.must_load("r", "b"), "B");
}

void one_that_fails_fails_alone(void **) {
  const cache_core core(test_server_url(server));
  const std::string lease = core.must_load("r", "a");
  const std::string answers = store_many(core, {{lease, "A"}, {std::string(32, '0'), "B"}});
  assert_contains(answers, "[true, ");
  assert_contains(answers, "the lease is not held any more");
  assert_found(core.lookup("r", "a"), "hit", "A");
  const cachecore_pair wrong{text("leese"), text("x")};
  const cachecore_value map = cachecore_map(&wrong, 1);
  assert_failed(core.call("store_many", {cachecore_list(&map, 1)}), CACHECORE_INVALID_ARGUMENT, "leese");
  const cachecore_value bad_key = number(1);
  assert_failed(core.call("lookup_many", {text("r"), cachecore_list(&bad_key, 1)}), CACHECORE_INVALID_ARGUMENT, "keys");
}

// refresh: loads what is fresh, while the others go on with it.
void a_refresh_loads_what_is_fresh(void **) {
  const cache_core core(test_server_url(server));
  core.ok("set", {text("r"), text("k"), text("old")});
  const outcome told = core.call("refresh", {text("r"), text("k")});
  assert_found(told, "load", "old");
  assert_found(core.lookup("r", "k"), "hit", "old");
  // Another refresh waits for this one.
  outcome second;
  on_threads(2, [&](int thread) {
    if (thread == 0) {
      second = core.call("refresh", {text("r"), text("k")});
      return;
    }
    core.wait_for_waiting("r", 1);
    core.store(told.lease, "new");
  });
  assert_found(second, "hit", "new");
  assert_found(core.lookup("r", "k"), "hit", "new");
  assert_int_equal(core.figure("r", "refreshes"), 1);
  // One whose load fails keeps what there is.
  const outcome failing = core.call("refresh", {text("r"), text("k")});
  core.fail(failing.lease, "no database");
  assert_found(core.lookup("r", "k"), "hit", "new");
}

// eager: of those who find a fresh value near its end, one is told to load it, and none of them waits.
void an_eager_region_loads_before_the_end(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"eager", cachecore_double(1000)}, {"ttl_ms", number(20'000)}});
  const std::string lease = core.must_load("r", "k");
  // The load has to have taken a while: so much longer ahead of the end it is begun.
  const int64_t begun = test_now_ms();
  assert_true(until([&] { return test_now_ms() > begun + 20; }));
  assert_true(core.store(lease, "old"));
  outcome told;
  assert_true(until([&] { return (told = core.lookup("r", "k")).state == "load"; }));
  assert_text(told.value, "old");
  assert_true(told.age_ms < 20'000);
  for (int i = 0; i < 50; i++) assert_found(core.lookup("r", "k"), "hit", "old");
  assert_true(core.store(told.lease, "new"));
  assert_int_equal(core.figure("r", "refreshes"), 1);
  assert_int_equal(core.figure("r", "misses"), 1);
  // Without it nobody is told.
  core.define("s", {{"ttl_ms", number(20'000)}});
  core.ok("set", {text("s"), text("k"), text("value")});
  for (int i = 0; i < 200; i++) assert_found(core.lookup("s", "k"), "hit", "value");
}

// bloom: keys that nobody has are refused without a load, once the filter is complete.
void a_filter_refuses_what_does_not_exist(void **) {
  const cache_core core(test_server_url(server));
  const cache_core other(test_server_url(server));
  const cachecore_pair size[] = {{text("capacity"), number(1'000)}, {text("error_rate"), cachecore_double(0.01)}};
  for (const cache_core *each : {&core, &other}) each->define("r", {{"bloom", cachecore_map(size, 2)}});
  assert_failed(core.call("bloom_add", {text("s"), cachecore_list(nullptr, 0)}), CACHECORE_INVALID_STATE, "bloom");
  // Not complete: it refuses nothing.
  core.fail(core.must_load("r", "ghost0"), "enough");
  std::vector<std::string> names;
  std::vector<cachecore_value> keys;
  names.reserve(1'000);
  for (int i = 0; i < 1'000; i++) names.push_back("user" + std::to_string(i));
  keys.reserve(names.size());
  for (const std::string &each : names) keys.push_back(text(each));
  core.ok("bloom_add", {text("r"), cachecore_list(keys.data(), keys.size()), truth(true)});
  // Whoever asks, in any process; and no key that exists is ever refused.
  for (int i = 0; i < 1'000; i += 10) other.fail(other.must_load("r", "user" + std::to_string(i)), "enough");
  for (int i = 0; i < 1'000; i++) {
    const outcome came = other.lookup("r", "ghost" + std::to_string(i));
    if (came.state == "load") {
      other.fail(came.lease, "enough");
    } else {
      assert_found(came, "hit", "nil");
    }
  }
  // 10 of 1,000 are expected not to be; the hashes are always the same, so this is no matter of luck.
  assert_in_range(other.figure("r", "refused"), 970, 1'000);
  // New ones.
  core.ok("set", {text("r"), text("ghost1"), text("born")});
  assert_found(other.lookup("r", "ghost1"), "hit", "born");
  core.ok("delete", {text("r"), text("ghost1")});
  other.fail(other.must_load("r", "ghost1"), "enough");
  // A filter that was lost refuses nothing.
  assert_int_equal(keys_of(server, "cache:b:*").size(), 1);
  assert_text(redis(server, "DEL " + keys_of(server, "cache:b:*").at(0)), "1");
  core.ok("bloom_add", {text("r"), cachecore_list(keys.data(), 1)});
  core.fail(core.must_load("r", "ghost2"), "enough");
}

}  // namespace

int many_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(keys_are_loaded_once_and_found, empty),
      cmocka_unit_test_setup(they_go_out_together, empty),
      cmocka_unit_test_setup(nobody_waits_while_he_holds_a_lease, empty),
      cmocka_unit_test_setup(who_has_nothing_to_load_waits, empty),
      cmocka_unit_test_setup(leases_that_reach_nobody_go_on, empty),
      cmocka_unit_test_setup(one_that_fails_fails_alone, empty),
      cmocka_unit_test_setup(a_refresh_loads_what_is_fresh, empty),
      cmocka_unit_test_setup(an_eager_region_loads_before_the_end, empty),
      cmocka_unit_test_setup(a_filter_refuses_what_does_not_exist, empty),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
