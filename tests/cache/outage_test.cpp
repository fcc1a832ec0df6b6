// Redis that dies, hangs, or answers nonsense: lookups go on without it, one load at a time, and it is used again when
// it is back.

#include <hiredis/hiredis.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

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
  // One that has time: on a busy machine the impatient one goes on without Redis even now.
  const cache_core patient(test_server_url(server));
  assert_found(patient.lookup("r", "before"), "hit", "value");
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
  const char *const nonsense[] = {"x", "\x02",
                                  ("\x01"
                                   "b and another version of some size, longer than the header"),
                                  "\x02z2aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffgggg"};
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
  for (const char *bytes : {"x", "\x02 this is longer than a header, but not a marker"}) {
    freeReplyObject(test_command(server, "SET cache:m:{r} %s", bytes));
    assert_false(core.store(core.must_load("r", "k"), "value"));
  }
}

// Kept until Redis is back, and no longer.
void what_is_loaded_without_redis_is_kept_meanwhile(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"outage_ttl_ms", number(600'000)}, {"negative_ttl_ms", number(600'000)}});
  test_server_kill(server);
  assert_false(core.store(core.must_load("r", "k"), "blind"));
  const std::string lease = core.must_load("r", "nobody");
  core.ok("store", {text(lease), cachecore_nil()});
  for (int i = 0; i < 100; i++) {
    assert_found(core.lookup("r", "k"), "hit", "blind");
    assert_found(core.lookup("r", "nobody"), "hit", "nil");
  }
  assert_int_equal(core.figure("r", "loads"), 2);
  // Not what this process says is over.
  assert_true(core.call("delete", {text("r"), text("k")}).status < 0);
  const std::string again = core.must_load("r", "k");
  assert_true(core.call("invalidate", {text("r"), text("no*")}).status < 0);
  core.fail(core.must_load("r", "nobody"), "enough");
  assert_false(core.store(again, "blind"));
  test_server_restart(server);
  assert_recovers(core);
  assert_true(core.store(core.must_load("r", "k"), "seen"));
}

void copies_are_served_stale_without_redis(void **) {
  const cache_core core(test_server_url(server));
  const near_fields l1(60'000);
  core.define("r", {{"l1", l1.map()}, {"stale_ms", number(600'000)}});
  for (const char *key : {"k", "other"}) {
    core.ok("set", {text("r"), text(key), text("value")});
    until_near(core, "r", key, "value");
  }
  test_server_kill(server);
  outcome told;
  assert_true(until([&] { return (told = core.lookup("r", "k")).state != "hit"; }));
  assert_found(told, "load", "value");
  for (int i = 0; i < 10; i++) assert_found(core.lookup("r", "k"), "stale", "value");
  core.fail(told.lease, "the database, too");
  const outcome again = core.lookup("r", "k");
  assert_found(again, "load", "value");
  assert_false(core.store(again.lease, "new"));
  assert_found(core.lookup("r", "k"), "hit", "new");
  // What this process invalidated is not served, though Redis could not be told.
  assert_true(core.call("delete", {text("r"), text("other")}).status < 0);
  core.fail(core.must_load("r", "other"), "enough");
  test_server_restart(server);
  assert_recovers(core);
}

// Promise 4: some thousand lookups a second of 50 keys, and Redis is killed meanwhile.
void lookups_go_on_while_redis_is_killed(void **) {
  constexpr int threads = 8;
  constexpr int keys = 50;
  constexpr int64_t deadline_ms = 2'000;
  constexpr int64_t outage_ttl_ms = 250;
  const bool whole =
      getenv("CACHECORE_TEST_LENGTH") != nullptr && std::string(getenv("CACHECORE_TEST_LENGTH")) == "long";
  const int64_t away_ms = whole ? 30'000 : 1'000;
  const cache_core core(test_server_url(server), R"({"redis_timeout_ms": 200})");
  const near_fields l1(500);
  core.define("r", {{"l1", l1.map()}, {"stale_ms", number(600'000)}, {"outage_ttl_ms", number(outage_ttl_ms)}});
  std::atomic<int64_t> answered{0};
  std::atomic<int64_t> unanswered{0};
  std::atomic<int64_t> loads{0};
  std::atomic<bool> done{false};
  const auto serve = [&](int thread) {
    for (int i = thread; !done; i++) {
      const std::string key = "key" + std::to_string(i % keys);
      const outcome came = core.lookup("r", key, deadline_ms);
      if (came.state == "load") {
        loads++;
        core.store(came.lease, key);
      } else if (came.value != key) {
        unanswered++;
        print_error("%s: %s %s\n", key.c_str(), cachecore_status_name(came.status), came.message.c_str());
      }
      answered++;
      usleep(threads * 500);
    }
  };
  const auto wait_answers = [&](int64_t more) {
    const int64_t goal = answered + more;
    if (!until([&] { return answered >= goal; })) test_die("lookups stand still");
  };
  int64_t before = 0;
  int64_t after = 0;
  std::vector<std::thread> serving;
  serving.reserve(threads);
  for (int i = 0; i < threads; i++) serving.emplace_back(serve, i);
  wait_answers(1'000);
  before = loads;
  test_server_kill(server);
  const int64_t began = test_now_ms();
  assert_true(until([&] { return test_now_ms() >= began + away_ms; }));
  wait_answers(1'000);
  after = loads;
  const int64_t away_for = test_now_ms() - began;
  test_server_restart(server);
  assert_recovers(core);
  const int64_t back = loads;
  wait_answers(1'000);
  done = true;
  for (std::thread &each : serving) each.join();
  assert_int_equal(unanswered, 0);
  assert_int_equal(before, keys);
  // While it was away, one a key and outage_ttl_ms; afterwards, since this server kept nothing, one a key.
  assert_in_range(after - before, keys, keys * (away_for / outage_ttl_ms + 2));
  assert_in_range(loads - back, 0, keys);
  assert_found(core.lookup("r", "key1"), "hit", "key1");
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
      cmocka_unit_test_setup(what_is_loaded_without_redis_is_kept_meanwhile, empty),
      cmocka_unit_test_setup(copies_are_served_stale_without_redis, empty),
      cmocka_unit_test_setup(lookups_go_on_while_redis_is_killed, empty),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
