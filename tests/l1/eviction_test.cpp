// Which copies stay: hit ratios beside those of other policies, and the rules one by one.

#include <algorithm>
#include <cstdlib>
#include <string>

#include "bindings/cli/simulate/policy.h"
#include "copies.h"
#include "plugins/cache/l1/sketch.h"
#include "tests/l1/workloads.h"
#include "tests/support/unit.h"

namespace l1_test {

namespace {

bool is_long() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::string(length) == "long";
}

double hits_in_percent(const char *policy, const simulate::capacity &capacity, const std::vector<uint64_t> &requests) {
  const auto cache = simulate::find_policy(policy)->make(capacity);
  size_t hits = 0;
  for (const uint64_t id : requests) hits += cache->request(id, 1) ? 1 : 0;
  return 100.0 * static_cast<double>(hits) / static_cast<double>(requests.size());
}

void at_most_three_points_behind_the_best_and_one_behind_lru(void **) {
  const size_t capacity = is_long() ? 5'000 : 500;
  for (const auto &each : workloads::all(capacity, capacity * 600)) {
    for (const bool of_objects : {true, false}) {
      const simulate::capacity limit{capacity, of_objects};
      const double ours = hits_in_percent("l1", limit, each.requests);
      const double lru = hits_in_percent("lru", limit, each.requests);
      double best = lru;
      for (const char *peer : {"lfu", "sieve", "s3fifo"}) {
        best = std::max(best, hits_in_percent(peer, limit, each.requests));
      }
      print_message("%s: %.2f %%, best %.2f %%, lru %.2f %%\n", each.name.c_str(), ours, best, lru);
      assert_true(ours >= best - 3);
      assert_true(ours >= lru - 1);
    }
  }
}

// What no fixed window can do: each kind of trace after the other, in one cache.
void the_window_follows_the_workload(void **) {
  constexpr size_t capacity = 500;
  near_cache l1({.max_bytes = capacity, .max_entries = capacity, .sizes_only = true});
  const auto run = [&](const workloads::workload &trace) {
    for (const uint64_t id : trace.requests) {
      const std::string_view key(reinterpret_cast<const char *>(&id), sizeof(id));
      const uint64_t hash = hash_of(key);
      if (!l1.find(key, hash, [](const copy_view &) { return true; })) (void)l1.put_size(key, hash, 1, 0);
    }
    return l1.now().window;
  };
  assert_true(run(workloads::looping(capacity, capacity * 100)) < 0.2);
  assert_true(run(workloads::shifting(capacity, capacity * 200)) > 0.7);
  assert_true(run(workloads::zipfian(capacity, capacity * 200)) < 0.3);
}

void what_is_used_often_survives_a_scan(void **) {
  near_cache l1({.max_bytes = size_t{1} << 20, .max_entries = 200});
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 100; i++) {
      const std::string key = "hot:" + std::to_string(i);
      if (!get(l1, key)) (void)put(l1, key, "x");
    }
    for (int i = 0; i < 20; i++) (void)put(l1, "warm:" + std::to_string(round * 20 + i), "x");
  }
  for (int i = 0; i < 10'000; i++) (void)put(l1, "scan:" + std::to_string(i), "x");
  int left = 0;
  for (int i = 0; i < 100; i++) left += get(l1, "hot:" + std::to_string(i)) ? 1 : 0;
  assert_in_range(left, 95, 100);
}

void a_large_copy_has_to_be_worth_all_that_would_go_for_it(void **) {
  constexpr size_t limit = size_t{1} << 20;
  near_cache l1({.max_bytes = limit});
  for (int round = 0; round < 8; round++) {
    for (int i = 0; i < 3'000; i++) {
      const std::string key = "small:" + std::to_string(i);
      if (!get(l1, key)) (void)put(l1, key, std::string(150, 'v'));
    }
  }
  const size_t before = l1.now().entries;
  (void)put(l1, "large", std::string(limit / 2, 'v'));
  assert_false(get(l1, "large").has_value());
  assert_in_range(l1.now().entries, before - 60, before);
}

void what_has_ended_goes_first(void **) {
  near_cache l1({.max_bytes = size_t{1} << 20, .max_entries = 100});
  const auto put_at = [&](const std::string &key, int64_t until_ms, int64_t now_ms) {
    return l1.put(key, hash_of(key), until(until_ms), "x", l1.expect(hash_of(key)), now_ms);
  };
  for (int i = 0; i < 100; i++) (void)put_at("old:" + std::to_string(i), 10, 0);
  for (int use = 0; use < 10; use++) {
    for (int i = 0; i < 100; i++) (void)get(l1, "old:" + std::to_string(i));
  }
  // Each was used ten times, and has ended: what comes now needs not be better than that.
  int kept = 0;
  for (int i = 0; i < 50; i++) (void)put_at("new:" + std::to_string(i), 1'000, 20);
  for (int i = 0; i < 50; i++) kept += get(l1, "new:" + std::to_string(i)) ? 1 : 0;
  assert_int_equal(kept, 50);
}

void a_sketch_counts_ages_and_keeps_what_it_knows_when_it_grows(void **) {
  cache_plugin::near_sketch sketch(1'000);
  for (int i = 0; i < 9; i++) sketch.count(77, 1);
  sketch.count(78, 4);
  assert_int_equal(sketch.estimate(77), 9);
  assert_int_equal(sketch.estimate(78), 4);
  assert_int_equal(sketch.estimate(79), 0);
  const size_t bytes = sketch.bytes();
  sketch.fit(2'000);
  assert_int_equal(sketch.bytes(), bytes);
  sketch.fit(2'001);
  assert_int_equal(sketch.bytes(), 2 * bytes);
  assert_int_equal(sketch.estimate(77), 9);
  assert_int_equal(sketch.estimate(78), 4);
  for (int i = 0; i < 40; i++) sketch.count(77, 1);
  assert_int_equal(sketch.estimate(77), 15);
  // Sixteen uses a copy, and all are halved.
  for (uint32_t i = 0; i < 40'000; i++) sketch.count(i * 2'654'435'761u, 1);
  assert_in_range(sketch.estimate(77), 7, 9);
}

}  // namespace

int eviction_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(at_most_three_points_behind_the_best_and_one_behind_lru),
      cmocka_unit_test(the_window_follows_the_workload),
      cmocka_unit_test(what_is_used_often_survives_a_scan),
      cmocka_unit_test(a_large_copy_has_to_be_worth_all_that_would_go_for_it),
      cmocka_unit_test(what_has_ended_goes_first),
      cmocka_unit_test(a_sketch_counts_ages_and_keeps_what_it_knows_when_it_grows),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

}  // namespace l1_test
