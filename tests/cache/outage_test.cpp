// Redis that dies, hangs, or answers nonsense: lookups go on without it, one load at a time, and it is used again when
// it is back.

#include <hiredis/hiredis.h>

#include <atomic>

#include "cache_core.h"
#include "tests/support/unit.h"

namespace {

using namespace cache_test;

constexpr const char *impatient = R"({"redis_timeout_ms": 100})";

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

// Loads and stores until Redis keeps it.
void assert_recovers(const cache_core &core) {
  struct asked {
    const cache_core *core;
    int count = 0;
  } context{&core};
  assert_true(test_wait_until(
      [](void *given) {
        auto *ask = static_cast<asked *>(given);
        const std::string key = "again" + std::to_string(ask->count++);
        return ask->core->store(ask->core->must_load("back", key), "value") ? 1 : 0;
      },
      &context, test_patience_ms()));
  assert_found(core.lookup("back", "again" + std::to_string(context.count - 1)), "hit", "value");
}

// With Redis away: one of many is told to load, and its value reaches all.
void assert_one_loads_for_all(const cache_core &core, const char *key) {
  constexpr int threads = 20;
  const int64_t loads_before = core.figure("r", "loads");
  std::atomic<int> right{0};
  on_threads(threads, [&](int) {
    const outcome came = core.lookup("r", key);
    if (came.state == "load") {
      core.wait_for_waiting("r", threads - 1);
      right += core.store(came.lease, "value") ? 0 : 1;
    } else {
      right += came.state == "hit" && came.value == "value" ? 1 : 0;
    }
  });
  assert_int_equal(right, threads);
  assert_int_equal(core.figure("r", "loads"), loads_before + 1);
}

void a_server_that_was_killed(void **) {
  const cache_core core(test_server_url(server));
  assert_true(core.store(core.must_load("r", "before"), "value"));
  const std::string lease = core.must_load("r", "midway");
  pending waits(core, "r", "midway");
  core.wait_for_waiting("r", 1);
  test_server_kill(server);

  // Begun before its death: the store reaches those who wait.
  assert_false(core.store(lease, "value"));
  assert_found(waits.wait(), "hit", "value");
  assert_one_loads_for_all(core, "after");
  assert_true(core.figure("r", "away") > 0);
  // A loader that fails says so.
  const std::string failing = core.must_load("r", "failing");
  pending also_waits(core, "r", "failing");
  core.wait_for_waiting("r", 1);
  core.fail(failing, "the database, too");
  assert_failed(also_waits.wait(), CACHECORE_LOADER_FAILED, "the database, too");
  // What needs Redis says that it is away.
  assert_int_equal(core.call("get", {text("r"), text("before")}).status, CACHECORE_UNAVAILABLE);
  assert_true(core.call("set", {text("r"), text("k"), text("v")}).status < 0);
  assert_true(core.call("delete", {text("r"), text("k")}).status < 0);
  assert_true(core.call("invalidate", {text("r"), text("*")}).status < 0);

  test_server_restart(server);
  assert_recovers(core);
}

void a_server_that_is_not_there_at_first(void **) {
  test_server_kill(server);
  const cache_core core(test_server_url(server));
  assert_one_loads_for_all(core, "k");
  test_server_restart(server);
  assert_recovers(core);
}

void a_server_that_hangs(void **) {
  const cache_core core(test_server_url(server), impatient);
  core.store(core.must_load("r", "before"), "value");
  const std::string lease = core.must_load("r", "midway");
  test_server_pause(server);
  // Each of them within its own time, though the server says nothing at all.
  const outcome came = core.lookup("r", "hung", test_patience_ms());
  assert_text(came.state, "load");
  assert_false(core.store(came.lease, "value"));
  assert_false(core.store(lease, "value"));
  assert_one_loads_for_all(core, "after");
  test_server_resume(server);
  assert_recovers(core);
  assert_found(core.lookup("r", "before"), "hit", "value");
}

// A caller with little time is not kept waiting for all of it.
void a_server_that_hangs_longer_than_the_caller_has_time(void **) {
  const cache_core core(test_server_url(server), R"({"redis_timeout_ms": 100000})");
  core.store(core.must_load("r", "before"), "value");
  test_server_pause(server);
  const outcome came = core.lookup("r", "k", 300);
  assert_text(came.state, "load");
  core.fail(came.lease, "enough");
  test_server_resume(server);
  assert_recovers(core);
}

void an_invalidation_here_ends_the_use_of_a_load_without_redis(void **) {
  const cache_core core(test_server_url(server));
  test_server_kill(server);
  const std::string old_lease = core.must_load("r", "k");
  pending before(core, "r", "k");
  core.wait_for_waiting("r", 1);
  assert_true(core.call("delete", {text("r"), text("k")}).status < 0);
  const outcome after = core.lookup("r", "k");
  assert_text(after.state, "load");
  core.store(old_lease, "old");
  assert_found(before.wait(), "hit", "old");
  core.store(after.lease, "new");
  test_server_restart(server);
  assert_recovers(core);
}

// A load without Redis may have begun before an invalidation of which this process could not hear.
void a_load_without_redis_is_not_trusted_when_it_is_back(void **) {
  const cache_core core(test_server_url(server));
  test_server_kill(server);
  const std::string blind = core.must_load("r", "k");
  test_server_restart(server);
  assert_recovers(core);
  const outcome after = core.lookup("r", "k");
  assert_text(after.state, "load");
  assert_true(core.store(after.lease, "seen"));
  assert_false(core.store(blind, "blind"));
  assert_found(core.lookup("r", "k"), "hit", "seen");
}

void a_connection_that_is_cut_while_a_load_begins(void **) {
  test_proxy *proxy = test_proxy_start(server);
  {
    const cache_core core(test_proxy_url(proxy));
    core.store(core.must_load("r", "before"), "value");
    for (int64_t after = 0; after < 400; after += 25) {
      const std::string key = "cut" + std::to_string(after);
      test_proxy_cut_once(proxy, TEST_TO_CLIENT, after);
      outcome came = core.lookup("r", key);
      assert_text(came.state, "load");
      core.store(came.lease, "value");
      test_proxy_clear(proxy);
    }
    assert_recovers(core);
  }
  test_proxy_stop(proxy);
}

void what_lies_in_redis_is_not_what_it_should_be(void **) {
  const cache_core core(test_server_url(server));
  assert_true(core.store(core.must_load("r", "k"), "value"));
  const std::string entry = keys_of(server, "cache:*:e:r:k").at(0);
  const char *const nonsense[] = {"x", "\x01",
                                  ("\x02"
                                   "b and another version of some size, longer than the header"),
                                  "\x01z,aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff"};
  for (const char *bytes : nonsense) {
    freeReplyObject(test_command(server, "SET %s %s PX 60000", entry.c_str(), bytes));
    assert_true(core.store(core.must_load("r", "k"), "value"));
    assert_found(core.lookup("r", "k"), "hit", "value");
  }
  // Without its expiry nobody knows how old it is.
  freeReplyObject(test_command(server, "PERSIST %s", entry.c_str()));
  assert_true(core.store(core.must_load("r", "k"), "value"));

  // Of another type: loaded without Redis.
  freeReplyObject(test_command(server, "DEL %s", entry.c_str()));
  freeReplyObject(test_command(server, "RPUSH %s a", entry.c_str()));
  assert_false(core.store(core.must_load("r", "k"), "value"));
  freeReplyObject(test_command(server, "DEL %s", entry.c_str()));
  for (const char *bytes : {"x", "\x01 this is longer than a header, but not a marker"}) {
    freeReplyObject(test_command(server, "SET cache:m:{r} %s", bytes));
    assert_false(core.store(core.must_load("r", "k"), "value"));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_server_that_was_killed, empty),
      cmocka_unit_test_setup(a_server_that_is_not_there_at_first, empty),
      cmocka_unit_test_setup(a_server_that_hangs, empty),
      cmocka_unit_test_setup(a_server_that_hangs_longer_than_the_caller_has_time, empty),
      cmocka_unit_test_setup(an_invalidation_here_ends_the_use_of_a_load_without_redis, empty),
      cmocka_unit_test_setup(a_load_without_redis_is_not_trusted_when_it_is_back, empty),
      cmocka_unit_test_setup(a_connection_that_is_cut_while_a_load_begins, empty),
      cmocka_unit_test_setup(what_lies_in_redis_is_not_what_it_should_be, empty),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
