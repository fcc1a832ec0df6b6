// One load at a time, and what the others get.

#include <atomic>

#include "cache_core.h"
#include "groups.h"
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

void a_miss_is_loaded_stored_and_found(void **) {
  const cache_core core(test_server_url(server));
  const outcome first = core.lookup("users", "42");
  assert_found(first, "load", "nil");
  assert_false(first.has_age);
  assert_int_equal(first.lease.size(), 32);
  assert_true(core.store(first.lease, "Ada"));
  const outcome second = core.lookup("users", "42");
  assert_found(second, "hit", "Ada");
  assert_true(second.has_age);
  assert_true(second.age_ms >= 0);
  assert_text(second.lease, "");
  assert_text(core.ok("stats", {text("users")}).answer,
              "{hits: 1, near_hits: 0, misses: 1, stale: 0, loads: 1, refreshes: 0, failures: 0, waiting: 0, away: 0, "
              "refused: 0, unreadable: 0, l1_entries: 0, l1_bytes: 0, l1_evictions: 0}");
}

void values_come_back_as_they_were(void **) {
  const cache_core core(test_server_url(server));
  const std::string bytes("\0\xff\n\"{}", 6);
  const cachecore_value items[] = {number(INT64_MIN), cachecore_double(2.5), cachecore_bool(1), cachecore_nil(),
                                   text(bytes)};
  const cachecore_pair pairs[] = {{text("list"), cachecore_list(items, 5)}, {text("none"), cachecore_list(nullptr, 0)}};
  const std::vector<std::pair<cachecore_value, std::string>> cases = {
      {cachecore_map(pairs, 2), std::string("{list: [-9223372036854775808, 2.5, true, nil, ") + bytes + "], none: []}"},
      {text(bytes), bytes},
      {text(""), ""},
      {number(9007199254740993), "9007199254740993"},
      {cachecore_bool(0), "false"},
      {cachecore_nil(), "nil"}};
  for (size_t i = 0; i < cases.size(); i++) {
    const std::string key = std::to_string(i);
    const std::string lease = core.must_load("values", key);
    pending waits(core, "values", key);
    core.wait_for_waiting("values", 1);
    assert_text(core.ok("store", {text(lease), cases[i].first}).answer, "true");
    // Those who waited get it from the loader, later ones from Redis.
    assert_found(waits.wait(), "hit", cases[i].second.c_str());
    const outcome found = core.lookup("values", key);
    assert_int_equal(found.value.size(), cases[i].second.size());
    assert_memory_equal(found.value.data(), cases[i].second.data(), found.value.size());
    assert_text(found.state, "hit");
  }
}

void two_hundred_threads_miss_one_key_and_one_loads(void **) {
  constexpr int threads = 200;
  const cache_core core(test_server_url(server));
  std::atomic<int> loads{0};
  std::atomic<int> right{0};
  on_threads(threads, [&](int) {
    const outcome came = core.lookup("hot", "key");
    if (came.state == "load") {
      loads++;
      core.wait_for_waiting("hot", threads - 1);
      core.store(came.lease, "value");
    } else if (came.state == "hit" && came.value == "value") {
      right++;
    }
  });
  assert_int_equal(loads, 1);
  assert_int_equal(right, threads - 1);
  assert_int_equal(core.figure("hot", "loads"), 1);
  assert_int_equal(core.figure("hot", "waiting"), 0);
}

// Nobody holds the others back here: a lookup whose read came before the store, and whose turn comes after it, must not
// load again.
void a_quick_loader_is_not_followed_by_a_second(void **) {
  const cache_core core(test_server_url(server));
  for (int round = 0; round < 50; round++) {
    std::atomic<int> loads{0};
    const std::string key = std::to_string(round);
    on_threads(16, [&](int) {
      const outcome came = core.lookup("quick", key);
      if (came.state != "load") return;
      loads++;
      core.store(came.lease, "value");
    });
    assert_int_equal(loads, 1);
  }
}

void all_who_wait_learn_that_the_loader_failed(void **) {
  const cache_core core(test_server_url(server));
  const std::string lease = core.must_load("r", "k");
  pending first(core, "r", "k");
  pending second(core, "r", "k");
  core.wait_for_waiting("r", 2);
  core.fail(lease, "the database is away");
  assert_failed(first.wait(), CACHECORE_LOADER_FAILED, "the database is away");
  assert_failed(second.wait(), CACHECORE_LOADER_FAILED, "the database is away");
  assert_int_equal(core.figure("r", "failures"), 1);
  // The failure is not cached.
  assert_true(core.store(core.must_load("r", "k"), "value"));
  assert_found(core.lookup("r", "k"), "hit", "value");
}

void a_loader_that_hangs_loses_its_lease_to_the_oldest_who_waits(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"load_timeout_ms", number(100)}});
  const std::string hung = core.must_load("r", "k");
  pending oldest(core, "r", "k");
  core.wait_for_waiting("r", 1);
  core.define("r", {{"load_timeout_ms", number(30'000)}});
  pending other(core, "r", "k");
  core.wait_for_waiting("r", 2);

  const outcome promoted = oldest.wait();
  assert_text(promoted.state, "load");
  assert_false(other.ended());
  assert_failed(core.call("store", {text(hung), text("late")}), CACHECORE_CONFLICT, "lease");
  assert_failed(core.call("fail", {text(hung), text("late")}), CACHECORE_CONFLICT, "lease");
  assert_true(core.store(promoted.lease, "value"));
  assert_found(other.wait(), "hit", "value");
  assert_found(core.lookup("r", "k"), "hit", "value");
  assert_int_equal(core.figure("r", "failures"), 1);
}

void a_thread_that_ends_while_it_loads_blocks_nobody(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"load_timeout_ms", number(50)}});
  std::string lost;
  std::thread([&] { lost = core.must_load("r", "k"); }).join();
  // No one waits when the lease expires: the next lookup finds that out by itself, or waits for it.
  const outcome next = core.lookup("r", "k");
  assert_text(next.state, "load");
  assert_failed(core.call("store", {text(lost), text("late")}), CACHECORE_CONFLICT, "lease");
  core.fail(next.lease, "enough");
}

void a_lease_is_used_once(void **) {
  const cache_core core(test_server_url(server));
  const std::string lease = core.must_load("r", "k");
  assert_true(core.store(lease, "value"));
  assert_failed(core.call("store", {text(lease), text("again")}), CACHECORE_CONFLICT, "used before");
  assert_failed(core.call("store", {text("nonsense"), text("x")}), CACHECORE_INVALID_ARGUMENT, "lease");
  assert_failed(core.call("store", {text(std::string(32, 'g')), text("x")}), CACHECORE_INVALID_ARGUMENT, "lease");
  assert_failed(core.call("fail", {text(std::string(32, 'a')), text("x")}), CACHECORE_CONFLICT, "lease");
  // The number of a lease alone is not the lease.
  std::string other = core.must_load("r", "l");
  const std::string mine = other;
  other[31] = other[31] == '0' ? '1' : '0';
  assert_failed(core.call("store", {text(other), text("x")}), CACHECORE_CONFLICT, "lease");
  assert_true(core.store(mine, "value"));
}

void a_lease_that_reached_nobody_goes_to_the_next(void **) {
  const cache_core core(test_server_url(server));
  pending lost(core, "r", "k");
  struct pollable {
    pending *lookup;
  } context{&lost};
  assert_true(test_wait_until([](void *asked) { return static_cast<pollable *>(asked)->lookup->ended() ? 1 : 0; },
                              &context, test_patience_ms()));
  pending next(core, "r", "k");
  core.wait_for_waiting("r", 1);
  lost.abandon();
  const outcome came = next.wait();
  assert_text(came.state, "load");
  assert_true(core.store(came.lease, "value"));
  assert_int_equal(core.figure("r", "loads"), 1);
}

void a_lease_that_reached_nobody_is_free_when_nobody_waits(void **) {
  const cache_core core(test_server_url(server));
  for (int i = 0; i < 20; i++) {
    // Given up before, while and after it is granted.
    pending lost(core, "r", "k");
    if (i % 2 == 0) lost.cancel();
    lost.abandon();
  }
  core.fail(core.must_load("r", "k"), "enough");
}

void who_gives_up_waiting_changes_nothing_for_the_others(void **) {
  const cache_core core(test_server_url(server));
  const std::string lease = core.must_load("r", "k");
  pending impatient(core, "r", "k", 20);
  pending cancelled(core, "r", "k");
  pending patient(core, "r", "k");
  assert_int_equal(impatient.wait().status, CACHECORE_TIMEOUT);
  core.wait_for_waiting("r", 2);
  cancelled.cancel();
  assert_int_equal(cancelled.wait().status, CACHECORE_CANCELLED);
  assert_false(patient.ended());
  assert_true(core.store(lease, "value"));
  assert_found(patient.wait(), "hit", "value");
}

void closing_ends_those_who_wait(void **) {
  std::vector<std::unique_ptr<pending>> waiting;
  auto core = std::make_unique<cache_core>(test_server_url(server));
  (void)core->must_load("r", "k");
  waiting.reserve(5);
  for (int i = 0; i < 5; i++) waiting.push_back(std::make_unique<pending>(*core, "r", "k"));
  core->wait_for_waiting("r", 5);
  core.reset();
  for (const auto &each : waiting) assert_int_equal(each->wait().status, CACHECORE_CLOSED);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_miss_is_loaded_stored_and_found, empty),
      cmocka_unit_test_setup(values_come_back_as_they_were, empty),
      cmocka_unit_test_setup(two_hundred_threads_miss_one_key_and_one_loads, empty),
      cmocka_unit_test_setup(a_quick_loader_is_not_followed_by_a_second, empty),
      cmocka_unit_test_setup(all_who_wait_learn_that_the_loader_failed, empty),
      cmocka_unit_test_setup(a_loader_that_hangs_loses_its_lease_to_the_oldest_who_waits, empty),
      cmocka_unit_test_setup(a_thread_that_ends_while_it_loads_blocks_nobody, empty),
      cmocka_unit_test_setup(a_lease_is_used_once, empty),
      cmocka_unit_test_setup(a_lease_that_reached_nobody_goes_to_the_next, empty),
      cmocka_unit_test_setup(a_lease_that_reached_nobody_is_free_when_nobody_waits, empty),
      cmocka_unit_test_setup(who_gives_up_waiting_changes_nothing_for_the_others, empty),
      cmocka_unit_test_setup(closing_ends_those_who_wait, empty),
  };
  return cmocka_run_group_tests(tests, start, stop) + many_tests();
}
