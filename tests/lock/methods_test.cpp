// What single calls do: acquire, release, extend, watch, status, force_release; fences; and what it costs.

#include "tests.h"

namespace lock_test {

namespace {

std::string fence_key(const std::string &name) {
  // The bucket is the plugin's business; the state's key tells it.
  const std::string keys = redis(server, "KEYS lock:*:k:" + name);
  return keys.substr(1, keys.find('}')) + ":fence";
}

void a_lock_is_held_by_one_and_released(void **) {
  const lock_core core(test_server_url(server));
  const outcome first = core.must_acquire({.name = "a"});
  assert_failed(core.acquire({.name = "a"}), CACHECORE_BUSY, "the lock a is held");
  core.must_release(first.lock);
  assert_failed(core.call("release", {text(first.lock)}), CACHECORE_CONFLICT, "a is not held by this handle");
  const outcome second = core.must_acquire({.name = "a"});
  assert_true(second.fence > first.fence);
  assert_true(second.lock != first.lock);
  core.must_release(second.lock);
  // Nothing stays but the bucket's fences.
  assert_contains(redis(server, "KEYS *"), ":fence]");
  assert_int_equal(test_command_integer(server, "DBSIZE"), 1);
}

void a_free_lock_takes_two_round_trips_and_no_script(void **) {
  const lock_core core(test_server_url(server));
  core.must_release(core.must_acquire({.name = "a"}).lock);  // the first of a process and a bucket asks for more
  redis(server, "CONFIG RESETSTAT");
  for (int i = 0; i < 10; i++) core.must_release(core.must_acquire({.name = "a"}).lock);
  assert_int_equal(calls_of(server, "restore"), 10);
  assert_int_equal(calls_of(server, "xadd"), 10);
  assert_int_equal(calls_of(server, "hdel"), 10);
  assert_int_equal(calls_of(server, "evalsha"), 0);
}

void any_process_releases_what_another_acquired(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a"});
  assert_failed(other.acquire({.name = "a"}), CACHECORE_BUSY, "a is held");
  assert_failed(other.call("extend", {text(held.lock)}), CACHECORE_INVALID_ARGUMENT, "lease_ms must be given");
  assert_true(other.call("extend", {text(held.lock), number(60'000)}).ok());
  assert_failed(core.acquire({.name = "a"}), CACHECORE_BUSY, "a is held");
  other.must_release(held.lock);
  assert_failed(core.call("extend", {text(held.lock)}), CACHECORE_CONFLICT, "a is not held");
  core.must_acquire({.name = "a"});
}

void fences_rise_whatever_happens_to_their_key(void **) {
  const lock_core core(test_server_url(server));
  int64_t last = 0;
  const auto cycle = [&](const char *mode) {
    const outcome held = core.must_acquire({.name = "a", .mode = mode});
    if (held.fence <= last)
      test_die("%lld after %lld", static_cast<long long>(held.fence), static_cast<long long>(last));
    last = held.fence;
    const std::string key = fence_key("a");
    core.must_release(held.lock);
    return key;
  };
  const std::string key = cycle("exclusive");
  for (int i = 0; i < 100; i++) {
    redis(server, "DEL " + key);
    cycle(i % 2 == 0 ? "exclusive" : "read");
  }
  // A clock that was set back: the last id is an hour ahead.
  const int64_t ahead = std::stoll(redis(server, "TIME").substr(1)) * 1'000 + 3'600'000;
  redis(server, "XADD " + key + " " + std::to_string(ahead) + "-0 f v");
  for (int i = 0; i < 10; i++) cycle(i % 2 == 0 ? "exclusive" : "read");
  // More than fit into a millisecond.
  redis(server, "XADD " + key + " " + std::to_string(ahead) + "-4095 f v");
  for (int i = 0; i < 10; i++) cycle("exclusive");
  redis(server, "XADD " + key + " " + std::to_string(ahead + 1) + "-4095 f v");
  for (int i = 0; i < 10; i++) cycle("read");
}

void fences_leave_no_entries_behind(void **) {
  const lock_core core(test_server_url(server));
  for (int i = 0; i < 2'000; i++) core.must_release(core.must_acquire({.name = "a"}).lock);
  const std::string key = redis(server, "KEYS *:fence");
  assert_true(test_command_integer(server, "XLEN %s", key.substr(1, key.size() - 2).c_str()) < 1'500);
}

void extend_moves_the_end_and_never_back(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 20'000, .renew = false});
  const outcome longer = core.call("extend", {text(held.lock), number(600'000)});
  assert_true(std::stoll(longer.answer) > 500'000);
  assert_true(core.call("extend", {text(held.lock), number(1'000)}).ok());
  const std::string keys = redis(server, "KEYS lock:*:k:a");
  assert_true(test_command_integer(server, "PTTL %s", keys.substr(1, keys.size() - 2).c_str()) > 500'000);
  core.must_release(held.lock);
  assert_failed(core.call("extend", {text(held.lock), number(1'000)}), CACHECORE_CONFLICT, "a is not held");
}

void plain_locks_end_by_themselves_and_are_released_by_their_owner_alone(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a", .lease_ms = 200, .renew = false});
  assert_failed(other.acquire({.name = "a"}), CACHECORE_BUSY, "a is held");
  assert_true(eventually([&] { return other.acquire({.name = "a", .lease_ms = 60'000, .renew = false}).ok(); }));
  // The one that was late changes nothing for the one who has it now.
  assert_failed(core.call("release", {text(held.lock)}), CACHECORE_CONFLICT, "a is not held");
  assert_failed(core.acquire({.name = "a"}), CACHECORE_BUSY, "a is held");
}

void status_tells_who_holds_and_how_many_wait(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  assert_text(core.status("a").answer, "{held: false, mode: nil, count: 0, waiting: 0, holders: []}");
  const outcome held = core.must_acquire({.name = "a", .owner = "me"});
  assert_contains(core.status("a").answer,
                  "{held: true, mode: exclusive, count: 1, waiting: 0, holders: [{owner: me, ");
  assert_contains(core.status("a").answer, ("fence: " + std::to_string(held.fence) + ", here: true}").c_str());
  assert_contains(other.status("a").answer, "here: false}");
  pending waits(other, {.name = "a", .wait_ms = -1}, -1);
  core.wait_for_status("a", "waiting: 1");
  assert_contains(core.status("a").answer, "owner: me");
  // A handle releases, so nobody is told one.
  assert_true(core.status("a").answer.find(held.lock.substr(1, 24)) == std::string::npos);
  core.must_release(held.lock);
  assert_true(waits.wait().ok());
  assert_contains(core.status("a").answer, "waiting: 0, holders: [{owner: nil, ");
}

void watch_tells_of_release_and_force(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  const outcome first = core.must_acquire({.name = "a"});
  const std::string fence = std::to_string(first.fence);
  watcher watched(core, first.lock);
  assert_text(watched.next(), ("{event: held, fence: " + fence + "}").c_str());
  core.must_release(first.lock);
  assert_text(watched.next(), ("{event: released, fence: " + fence + ", reason: }").c_str());
  assert_text(watched.next(), "(end)");
  watcher late(core, first.lock);
  assert_text(late.next(), "(CONFLICT)");

  for (const char *mode : {"exclusive", "read"}) {
    const outcome second = core.must_acquire({.name = "a", .mode = mode});
    watcher forced(core, second.lock);
    assert_contains(forced.next(), "event: held");
    pending next(other, {.name = "a", .wait_ms = -1}, -1);
    core.wait_for_status("a", "waiting: 1");
    assert_text(other.call("force_release", {text("a")}).answer, "1");
    const outcome granted = next.wait();
    assert_true(granted.ok() && granted.fence > second.fence);
    assert_contains(forced.next(), "event: lost");
    assert_int_equal(core.release(second.lock), CACHECORE_CONFLICT);
    other.must_release(granted.lock);
  }
  assert_text(other.call("force_release", {text("a")}).answer, "0");
}

void names_and_owners_may_be_any_bytes(void **) {
  const lock_core core(test_server_url(server));
  const lock_core prefixed(test_server_url(server), nullptr, "app:");
  const std::string owner(20'000, '\xFF');
  const std::string medium = std::string("o\0:{}\r\n", 7) + std::string(100, 'm');
  for (const std::string &name :
       {std::string("}{"), std::string("a b%:*"), std::string("\xFF\xFE"), std::string(60'000, 'n')}) {
    for (const std::string &who : {owner, medium}) {
      const outcome held = core.must_acquire({.name = name, .owner = who});
      const outcome apart = prefixed.must_acquire({.name = name});
      assert_failed(core.acquire({.name = name}), CACHECORE_BUSY, "is held");
      const outcome again = core.must_acquire({.name = name, .owner = who});
      assert_true(again.fence == held.fence);
      core.must_release(again.lock);
      core.must_release(held.lock);
      prefixed.must_release(apart.lock);
    }
  }
  assert_text(redis(server, "KEYS *:k:*"), "[]");
}

}  // namespace

std::vector<CMUnitTest> methods_tests() {
  return {
      cmocka_unit_test_setup(a_lock_is_held_by_one_and_released, empty),
      cmocka_unit_test_setup(a_free_lock_takes_two_round_trips_and_no_script, empty),
      cmocka_unit_test_setup(any_process_releases_what_another_acquired, empty),
      cmocka_unit_test_setup(fences_rise_whatever_happens_to_their_key, empty),
      cmocka_unit_test_setup(fences_leave_no_entries_behind, empty),
      cmocka_unit_test_setup(extend_moves_the_end_and_never_back, empty),
      cmocka_unit_test_setup(plain_locks_end_by_themselves_and_are_released_by_their_owner_alone, empty),
      cmocka_unit_test_setup(status_tells_who_holds_and_how_many_wait, empty),
      cmocka_unit_test_setup(watch_tells_of_release_and_force, empty),
      cmocka_unit_test_setup(names_and_owners_may_be_any_bytes, empty),
  };
}

}  // namespace lock_test
