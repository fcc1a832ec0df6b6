// Those who wait: their order, what a release costs, callers that go away, words that are lost, processes that die.

#include <atomic>
#include <memory>

#include "tests.h"

namespace lock_test {

namespace {

const wish patient{.name = "a", .wait_ms = -1};

std::string waiting(size_t count) { return "waiting: " + std::to_string(count) + ","; }

void many_are_served_in_order_by_so_many_commands_each(void **) {
  const size_t count = is_long() ? 1'000 : 200;
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  std::string held = core.must_acquire({.name = "a"}).lock;
  const lock_core *holder = &core;
  const auto process = [&](size_t i) -> const lock_core & { return i % 2 == 0 ? core : other; };
  std::vector<std::unique_ptr<pending>> line;
  for (size_t i = 0; i < count; i++) {
    line.push_back(std::make_unique<pending>(process(i), patient, -1));
    core.wait_for_status("a", waiting(i + 1));
  }
  std::vector<int64_t> commands;
  int64_t last_fence = 0;
  for (size_t i = 0; i < count; i++) {
    const int64_t before = all_calls(server);
    holder->must_release(held);
    const outcome granted = line[i]->wait();
    commands.push_back(all_calls(server) - before);
    assert_true(granted.ok());
    assert_true(granted.fence > last_fence);
    if (i + 1 < count) assert_false(line[i + 1]->ended());
    last_fence = granted.fence;
    held = granted.lock;
    holder = &process(i);
  }
  // The first was taken without a script, so its release tries without one; the last leaves nobody behind. Renewals and
  // looks of the background may come between, so most of them count.
  int same = 0;
  for (size_t i = 2; i + 1 < count; i++) same += commands[i] == commands[1] ? 1 : 0;
  if (same < static_cast<int>(count * 9 / 10)) {
    for (const int64_t each : commands) print_error("%lld ", static_cast<long long>(each));
  }
  assert_true(same >= static_cast<int>(count * 9 / 10));
  assert_true(commands[1] <= 20);
}

void a_wait_that_is_over_leaves_the_line(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a"});
  assert_failed(core.acquire({.name = "a", .wait_ms = 30}), CACHECORE_BUSY, "was held for all of wait_ms = 30");
  assert_contains(core.status("a").answer, waiting(0).c_str());
  core.must_release(held.lock);
  assert_text(redis(server, "KEYS *:k:*"), "[]");
}

void callers_that_go_away_leave_the_line(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a"});
  {
    pending cancelled(core, patient, -1);
    pending abandoned(core, patient, -1);
    pending stays(core, patient, -1);
    core.wait_for_status("a", waiting(3));
    cancelled.cancel();
    assert_int_equal(cancelled.wait().status, CACHECORE_UNCERTAIN);
    abandoned.abandon();
    core.wait_for_status("a", waiting(1));
    assert_int_equal(core.acquire({.name = "a", .wait_ms = 60'000}, 30).status, CACHECORE_UNCERTAIN);
    core.wait_for_status("a", waiting(1));
    core.must_release(held.lock);
    core.must_release(stays.wait().lock);
  }
  assert_text(redis(server, "KEYS *:k:*"), "[]");
}

// With the answer on its way: of a free lock, of a place in the line, and of a grant.
void what_reached_nobody_is_given_back(void **) {
  test_proxy *const proxy = test_proxy_start(server);
  {
    const lock_core direct(test_server_url(server));
    const lock_core core(test_proxy_url(proxy));
    core.must_release(core.must_acquire({.name = "warm"}).lock);
    for (const char *mode : {"exclusive", "read"}) {
      // Free: it is granted by an answer that is held up.
      test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
      {
        pending gone(core, {.name = "a", .mode = mode}, -1);
        direct.wait_for_status("a", "held: true");
        gone.cancel();
        gone.wait();
        test_proxy_clear(proxy);
      }
      direct.wait_for_status("a", "held: false");

      // In the line, and handed over while nothing is heard.
      const outcome held = direct.must_acquire({.name = "a", .mode = "write"});
      {
        pending gone(core, {.name = "a", .wait_ms = -1, .mode = mode}, -1);
        direct.wait_for_status("a", waiting(1));
        test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
        direct.must_release(held.lock);
        direct.wait_for_status("a", "held: true");
        gone.cancel();
        gone.wait();
        test_proxy_clear(proxy);
      }
      direct.wait_for_status("a", "held: false");
    }
  }
  test_proxy_stop(proxy);
}

void a_withdrawal_outlives_an_outage(void **) {
  test_proxy *const proxy = test_proxy_start(server);
  {
    const lock_core direct(test_server_url(server));
    const lock_core core(test_proxy_url(proxy));
    const outcome held = direct.must_acquire({.name = "a"});
    pending gone(core, patient, -1);
    direct.wait_for_status("a", waiting(1));
    test_proxy_refuse(proxy, 1);
    test_proxy_disconnect(proxy);
    gone.cancel();
    assert_int_equal(gone.wait().status, CACHECORE_UNCERTAIN);
    // Some tries fail.
    assert_false(test_wait_until([](void *) { return 0; }, nullptr, 300));
    assert_contains(direct.status("a").answer, waiting(1).c_str());
    test_proxy_clear(proxy);
    test_proxy_refuse(proxy, 0);
    direct.wait_for_status("a", waiting(0));
    direct.must_release(held.lock);
  }
  test_proxy_stop(proxy);
}

void a_grant_whose_word_was_lost_is_found(void **) {
  test_proxy *const proxy = test_proxy_start(server);
  {
    const lock_core direct(test_server_url(server));
    const lock_core core(test_proxy_url(proxy));
    const outcome held = direct.must_acquire({.name = "a"});
    pending waits(core, patient, -1);
    direct.wait_for_status("a", waiting(1));
    test_proxy_swallow(proxy, TEST_TO_CLIENT, 1);
    direct.must_release(held.lock);
    direct.wait_for_status("a", "held: true");
    test_proxy_clear(proxy);
    test_proxy_disconnect(proxy);
    const outcome granted = waits.wait();
    assert_true(granted.ok() && granted.fence > held.fence);
    core.must_release(granted.lock);
  }
  test_proxy_stop(proxy);
}

void a_holder_that_died_is_followed_when_its_lease_is_over(void **) {
  const lock_core core(test_server_url(server));
  int64_t fence = 0;
  {
    const lock_core dies(test_server_url(server));
    fence = dies.must_acquire({.name = "a", .lease_ms = 400}).fence;
  }
  const outcome granted = core.acquire(patient, -1);
  assert_true(granted.ok() && granted.fence > fence);
}

// To the server and the others it is the same whether it died or cannot be reached.
void one_who_waits_and_is_gone_is_passed_over(void **) {
  test_proxy *const proxy = test_proxy_start(server);
  {
    const lock_core core(test_server_url(server));
    const lock_core gone(test_proxy_url(proxy));
    const outcome held = core.must_acquire({.name = "a"});
    pending waits(gone, {.name = "a", .lease_ms = 300, .wait_ms = -1}, -1);
    core.wait_for_status("a", waiting(1));
    test_proxy_refuse(proxy, 1);
    test_proxy_disconnect(proxy);
    assert_true(eventually([] { return redis(server, "PUBSUB CHANNELS lock:to:*") == "[]"; }));
    pending next(core, patient, -1);
    core.wait_for_status("a", waiting(2));
    core.must_release(held.lock);
    // It counts as alive for a while, so it is granted; but its lease is short, and the next one was told.
    assert_true(next.wait().ok());
  }
  test_proxy_stop(proxy);
}

void a_server_that_forgot_the_line_is_asked_again(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 500, .renew = false});
  pending waits(core, patient, -1);
  core.wait_for_status("a", waiting(1));
  redis(server, "FLUSHALL");
  const outcome granted = waits.wait();
  assert_true(granted.ok() && granted.fence > held.fence);
}

void scripts_that_were_flushed_are_loaded_again(void **) {
  const lock_core core(test_server_url(server));
  for (int i = 0; i < 5; i++) {
    redis(server, "SCRIPT FLUSH");
    const outcome held = core.must_acquire({.name = "a", .mode = "read"});
    pending waits(core, patient, -1);
    core.wait_for_status("a", waiting(1));
    redis(server, "SCRIPT FLUSH");
    core.must_release(held.lock);
    redis(server, "SCRIPT FLUSH");
    core.must_release(waits.wait().lock);
  }
}

void nobody_gets_past_those_who_wait(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  // A lease that is over, with somebody in line: the lock is theirs, also without a word.
  core.must_acquire({.name = "a", .lease_ms = 300, .renew = false});
  pending first(core, patient, -1);
  core.wait_for_status("a", waiting(1));
  const outcome granted = first.wait();
  assert_true(granted.ok());
  assert_int_equal(other.acquire({.name = "a"}).status, CACHECORE_BUSY);
}

void many_threads_exclude_each_other(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  std::atomic<int> inside{0};
  std::atomic<int> wrong{0};
  std::atomic<int64_t> last{0};
  std::atomic<int> done{0};
  on_threads(8, [&](int thread) {
    const lock_core &mine = thread % 2 == 0 ? core : other;
    for (int i = 0; i < 25; i++) {
      const outcome held = mine.must_acquire({.name = "a", .wait_ms = test_patience_ms()});
      if (++inside != 1) wrong++;
      if (last.exchange(held.fence) >= held.fence) wrong++;
      --inside;
      mine.must_release(held.lock);
      done++;
    }
  });
  assert_int_equal(wrong, 0);
  assert_int_equal(done, 200);
  assert_text(redis(server, "KEYS *:k:*"), "[]");
}

}  // namespace

std::vector<CMUnitTest> waiting_tests() {
  return {
      cmocka_unit_test_setup(many_are_served_in_order_by_so_many_commands_each, empty),
      cmocka_unit_test_setup(a_wait_that_is_over_leaves_the_line, empty),
      cmocka_unit_test_setup(callers_that_go_away_leave_the_line, empty),
      cmocka_unit_test_setup(what_reached_nobody_is_given_back, empty),
      cmocka_unit_test_setup(a_withdrawal_outlives_an_outage, empty),
      cmocka_unit_test_setup(a_grant_whose_word_was_lost_is_found, empty),
      cmocka_unit_test_setup(a_holder_that_died_is_followed_when_its_lease_is_over, empty),
      cmocka_unit_test_setup(one_who_waits_and_is_gone_is_passed_over, empty),
      cmocka_unit_test_setup(a_server_that_forgot_the_line_is_asked_again, empty),
      cmocka_unit_test_setup(scripts_that_were_flushed_are_loaded_again, empty),
      cmocka_unit_test_setup(nobody_gets_past_those_who_wait, empty),
      cmocka_unit_test_setup(many_threads_exclude_each_other, empty),
  };
}

}  // namespace lock_test
