// Leases that go on, and locks that are lost.

#include <atomic>
#include <thread>

#include "tests.h"

namespace lock_test {

namespace {

void a_lock_is_held_for_longer_than_its_lease(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  for (const char *mode : {"exclusive", "read"}) {
    const outcome held = core.must_acquire({.name = mode, .lease_ms = 400, .mode = mode});
    watcher watched(core, held.lock);
    assert_contains(watched.next(), "event: held");
    const int64_t from = calls_of(server, "evalsha");
    assert_true(eventually([&] { return calls_of(server, "evalsha") >= from + 5; }));
    assert_int_equal(other.acquire({.name = mode}).status, CACHECORE_BUSY);
    assert_text(watched.poll(), "");
    core.must_release(held.lock);
  }
}

void many_locks_are_renewed_in_few_round_trips(void **) {
  const int count = is_long() ? 100'000 : 5'000;
  constexpr int buckets = 256;
  const lock_core core(test_server_url(server));
  const int64_t lease_ms = is_long() ? 30'000 : 3'000;
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; i++) names.push_back("lock " + std::to_string(i));
  std::vector<std::string> handles(names.size());
  on_threads(16, [&](int thread) {
    for (size_t i = static_cast<size_t>(thread); i < names.size(); i += 16) {
      handles[i] = core.must_acquire({.name = names[i], .lease_ms = lease_ms}).lock;
    }
  });
  redis(server, "CONFIG RESETSTAT");
  // A whole lease later all of them are there, by a few rounds of at most a script for each bucket and 256 locks.
  const int64_t begun = test_now_ms();
  assert_true(eventually([&] { return test_now_ms() > begun + lease_ms * 4 / 3; }));
  const int64_t scripts = calls_of(server, "evalsha");
  assert_int_equal(test_command_integer(server, "DBSIZE"), count + buckets);
  const int64_t rounds = 9;  // each lock every lease / 3, looked after every lease / 6 at most
  assert_true(scripts > 0 && scripts <= rounds * (buckets + count / 256));
  on_threads(16, [&](int thread) {
    for (size_t i = static_cast<size_t>(thread); i < handles.size(); i += 16) core.must_release(handles[i]);
  });
}

// What was said of the end here is never later than what holds there, however the two race.
void an_extension_that_races_with_the_renewal_keeps_the_lock(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 300});
  std::atomic<bool> over{false};
  std::atomic<int> stolen{0};
  std::thread thief([&] {
    while (!over) stolen += other.acquire({.name = "a"}).ok() ? 1 : 0;
  });
  watcher watched(core, held.lock);
  assert_contains(watched.next(), "event: held");
  int lost = 0;
  for (int i = 0; i < 300; i++)
    lost += core.call("extend", {text(held.lock), number(i % 2 == 0 ? 1'500 : 300)}).ok() ? 0 : 1;
  const int64_t from = calls_of(server, "evalsha");
  eventually([&] { return calls_of(server, "evalsha") > from + 3; });
  over = true;
  thief.join();
  assert_int_equal(lost, 0);
  assert_int_equal(stolen, 0);
  assert_text(watched.poll(), "");
  core.must_release(held.lock);
}

void a_lock_that_cannot_be_renewed_is_told_lost_before_its_lease_ends(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 4'000});
  watcher watched(core, held.lock);
  assert_contains(watched.next(), "event: held");
  test_server_pause(server);
  const std::string told = watched.next();
  test_server_resume(server);
  assert_contains(told, "event: lost");
  assert_contains(told, "it was not renewed in time");
  // It was told while the server still had it.
  assert_contains(core.status("a").answer, "held: true");
  assert_text(watched.next(), "(end)");
  assert_failed(core.call("extend", {text(held.lock)}), CACHECORE_CONFLICT, "a is not held");
}

void a_lock_that_the_server_lost_is_told_at_the_next_renewal(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 600});
  watcher watched(core, held.lock);
  assert_contains(watched.next(), "event: held");
  redis(server, "FLUSHALL");
  assert_contains(watched.next(), "the server does not know it any more");
}

void a_lock_is_held_no_longer_than_it_may(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 300, .max_hold_ms = 700});
  watcher watched(core, held.lock);
  assert_contains(watched.next(), "event: held");
  pending next(other, {.name = "a", .wait_ms = -1}, -1);
  assert_contains(watched.next(), "it was held for max_hold_ms");
  assert_true(next.wait().ok());
}

void who_holds_without_renewal_is_told_the_end(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 200, .renew = false});
  watcher watched(core, held.lock);
  assert_contains(watched.next(), "event: held");
  assert_contains(watched.next(), "its lease is over");
}

void closing_gives_nothing_back(void **) {
  std::string lock;
  {
    const lock_core core(test_server_url(server));
    lock = core.must_acquire({.name = "a"}).lock;
  }
  const lock_core other(test_server_url(server));
  assert_int_equal(other.acquire({.name = "a"}).status, CACHECORE_BUSY);
  other.must_release(lock);
}

}  // namespace

std::vector<CMUnitTest> renewal_tests() {
  return {
      cmocka_unit_test_setup(a_lock_is_held_for_longer_than_its_lease, empty),
      cmocka_unit_test_setup(many_locks_are_renewed_in_few_round_trips, empty),
      cmocka_unit_test_setup(an_extension_that_races_with_the_renewal_keeps_the_lock, empty),
      cmocka_unit_test_setup(a_lock_that_cannot_be_renewed_is_told_lost_before_its_lease_ends, empty),
      cmocka_unit_test_setup(a_lock_that_the_server_lost_is_told_at_the_next_renewal, empty),
      cmocka_unit_test_setup(a_lock_is_held_no_longer_than_it_may, empty),
      cmocka_unit_test_setup(who_holds_without_renewal_is_told_the_end, empty),
      cmocka_unit_test_setup(closing_gives_nothing_back, empty),
  };
}

}  // namespace lock_test
