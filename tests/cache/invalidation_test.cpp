// An invalidation that arrives while a load runs wins, in this process and in others. The order of events is made by
// waiting for answers, never by time.

#include <memory>

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

using invalidation = void (*)(const cache_core &);

void by_delete(const cache_core &core) { core.ok("delete", {text("users"), text("42")}); }
void by_pattern(const cache_core &core) { core.ok("invalidate", {text("users"), text("4*")}); }
void by_clearing(const cache_core &core) { core.ok("invalidate", {text("users"), text("*")}); }

// `loading` loads, `invalidating` (the same core or another) invalidates while it does.
void overtake(const cache_core &loading, const cache_core &invalidating, invalidation invalidate) {
  const std::string old_lease = loading.must_load("users", "42");
  pending began_before(loading, "users", "42");
  loading.wait_for_waiting("users", 1);

  invalidate(invalidating);

  // Begun after it: neither waits for the old load nor gets what it gives.
  const outcome after = loading.lookup("users", "42");
  assert_text(after.state, "load");
  pending also_after(loading, "users", "42");
  loading.wait_for_waiting("users", 2);

  assert_false(loading.store(old_lease, "old"));
  assert_found(began_before.wait(), "hit", "old");
  assert_false(also_after.ended());
  assert_int_equal(loading.call("get", {text("users"), text("42")}).status, CACHECORE_NOT_FOUND);

  assert_true(loading.store(after.lease, "new"));
  assert_found(also_after.wait(), "hit", "new");
  assert_found(loading.lookup("users", "42"), "hit", "new");
  assert_found(invalidating.lookup("users", "42"), "hit", "new");
}

void an_invalidation_overtakes_a_load(void **) {
  for (const invalidation invalidate : {by_delete, by_pattern, by_clearing}) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    const cache_core core(test_server_url(server));
    overtake(core, core, invalidate);
  }
}

void an_invalidation_of_another_process_overtakes_a_load(void **) {
  for (const invalidation invalidate : {by_delete, by_pattern, by_clearing}) {
    assert_text(redis(server, "FLUSHALL"), "OK");
    const cache_core loading(test_server_url(server));
    const cache_core other(test_server_url(server));
    overtake(loading, other, invalidate);
  }
}

// The old load ends before anybody asks again.
void what_was_invalidated_while_it_was_loaded_is_not_kept(void **) {
  const cache_core loading(test_server_url(server));
  const cache_core other(test_server_url(server));
  for (const cache_core *invalidating : {&loading, &other}) {
    for (const invalidation invalidate : {by_delete, by_pattern, by_clearing}) {
      const std::string lease = loading.must_load("users", "42");
      invalidate(*invalidating);
      loading.store(lease, "old");
      const outcome after = loading.lookup("users", "42");
      assert_text(after.state, "load");
      loading.fail(after.lease, "enough");
      const outcome elsewhere = other.lookup("users", "42");
      assert_text(elsewhere.state, "load");
      other.fail(elsewhere.lease, "enough");
    }
  }
}

void what_is_cached_is_invalidated_for_all(void **) {
  const cache_core one(test_server_url(server));
  const cache_core other(test_server_url(server));
  for (const invalidation invalidate : {by_delete, by_pattern, by_clearing}) {
    assert_true(one.store(one.must_load("users", "42"), "value"));
    assert_found(other.lookup("users", "42"), "hit", "value");
    invalidate(other);
    const outcome after = one.lookup("users", "42");
    assert_text(after.state, "load");
    one.fail(after.lease, "enough");
  }
}

void a_pattern_invalidates_what_it_matches(void **) {
  const cache_core core(test_server_url(server));
  const auto set = [&](const char *region, const char *key) {
    core.ok("set", {text(region), text(key), text("value")});
  };
  const auto has = [&](const char *region, const char *key) {
    return core.call("get", {text(region), text(key)}).status == CACHECORE_OK;
  };
  set("r", "user:1");
  set("r", "user:2");
  set("r", "page:1");
  set("r", "user:*");
  set("s", "user:1");
  core.ok("invalidate", {text("r"), text("user:?")});
  assert_false(has("r", "user:1"));
  assert_false(has("r", "user:2"));
  assert_false(has("r", "user:*"));
  assert_true(has("r", "page:1"));
  assert_true(has("s", "user:1"));

  // What is set afterwards stays.
  set("r", "user:1");
  set("r", "user:*");
  assert_true(has("r", "user:1"));
  core.ok("invalidate", {text("r"), text("user:\\*")});
  assert_true(has("r", "user:1"));
  assert_false(has("r", "user:*"));
  core.ok("invalidate", {text("r"), text("[a-z]age:[^2]")});
  assert_false(has("r", "page:1"));
}

void the_same_pattern_twice_takes_no_more_room(void **) {
  const cache_core core(test_server_url(server));
  core.ok("invalidate", {text("r"), text("a*")});
  core.ok("invalidate", {text("r"), text("b*")});
  const int64_t size = test_command_integer(server, "STRLEN cache:m:{r}");
  for (int i = 0; i < 10; i++) core.ok("invalidate", {text("r"), text("a*")});
  assert_int_equal(test_command_integer(server, "STRLEN cache:m:{r}"), size);
  core.ok("set", {text("r"), text("a"), text("value")});
  core.ok("invalidate", {text("r"), text("a*")});
  assert_int_equal(core.call("get", {text("r"), text("a")}).status, CACHECORE_NOT_FOUND);
}

void more_patterns_than_are_kept_clear_the_region(void **) {
  const cache_core core(test_server_url(server));
  const cache_core other(test_server_url(server));
  core.ok("set", {text("r"), text("first"), text("value")});
  int64_t largest = 0;
  for (int i = 0; i < 64; i++) {
    core.ok("invalidate", {text("r"), text("p" + std::to_string(i))});
    largest = std::max(largest, test_command_integer(server, "STRLEN cache:m:{r}"));
  }
  assert_found(other.lookup("r", "first"), "hit", "value");
  core.ok("invalidate", {text("r"), text("one more")});
  assert_true(test_command_integer(server, "STRLEN cache:m:{r}") < largest);
  core.fail(core.must_load("r", "first"), "enough");
  other.fail(other.must_load("r", "first"), "enough");
  core.ok("set", {text("r"), text("first"), text("value")});
  assert_found(other.lookup("r", "first"), "hit", "value");

  // So do few large ones.
  for (int i = 0; i < 40; i++) core.ok("invalidate", {text("r"), text(std::string(1000, static_cast<char>('A' + i)))});
  assert_true(test_command_integer(server, "STRLEN cache:m:{r}") <= 16'384);
  assert_failed(core.call("invalidate", {text("r"), text(std::string(1025, 'a'))}), CACHECORE_INVALID_ARGUMENT,
                "pattern");
  assert_failed(core.call("invalidate", {text("r"), text("")}), CACHECORE_INVALID_ARGUMENT, "pattern");
}

void a_set_wins_over_a_load_that_began_before(void **) {
  const cache_core loading(test_server_url(server));
  const cache_core other(test_server_url(server));
  for (const cache_core *setting : {&loading, &other}) {
    loading.ok("delete", {text("r"), text("k")});
    const std::string lease = loading.must_load("r", "k");
    setting->ok("set", {text("r"), text("k"), text("set")});
    assert_found(loading.lookup("r", "k"), "hit", "set");
    assert_false(loading.store(lease, "loaded"));
    assert_found(loading.lookup("r", "k"), "hit", "set");
  }
}

void delete_tells_whether_there_was_one(void **) {
  const cache_core core(test_server_url(server));
  const auto deleted = [&] { return core.ok("delete", {text("r"), text("k")}).answer; };
  assert_text(deleted(), "false");
  core.ok("set", {text("r"), text("k"), text("value")});
  assert_text(deleted(), "true");
  assert_text(deleted(), "false");
  // A load under way is not one.
  const std::string lease = core.must_load("r", "k");
  assert_text(deleted(), "false");
  core.fail(lease, "enough");
}

void a_marker_that_was_lost_costs_loads_only(void **) {
  const cache_core core(test_server_url(server));
  core.ok("set", {text("r"), text("old"), text("value")});
  core.ok("invalidate", {text("r"), text("old")});
  core.ok("set", {text("r"), text("kept"), text("value")});
  assert_text(redis(server, "DEL cache:m:{r}"), "1");
  core.fail(core.must_load("r", "old"), "enough");
  assert_true(core.store(core.must_load("r", "kept"), "again"));
  assert_found(core.lookup("r", "kept"), "hit", "again");
}

// Loads of two processes share the lease of the key; only one of them is to be stored.
void loads_of_two_processes_agree_on_one_value(void **) {
  const cache_core one(test_server_url(server));
  const cache_core other(test_server_url(server));
  const std::string first = one.must_load("r", "k");
  const std::string second = other.must_load("r", "k");
  assert_true(one.store(first, "first"));
  assert_false(other.store(second, "second"));
  assert_found(one.lookup("r", "k"), "hit", "first");
  assert_found(other.lookup("r", "k"), "hit", "first");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(an_invalidation_overtakes_a_load, empty),
      cmocka_unit_test_setup(an_invalidation_of_another_process_overtakes_a_load, empty),
      cmocka_unit_test_setup(what_was_invalidated_while_it_was_loaded_is_not_kept, empty),
      cmocka_unit_test_setup(what_is_cached_is_invalidated_for_all, empty),
      cmocka_unit_test_setup(a_pattern_invalidates_what_it_matches, empty),
      cmocka_unit_test_setup(the_same_pattern_twice_takes_no_more_room, empty),
      cmocka_unit_test_setup(more_patterns_than_are_kept_clear_the_region, empty),
      cmocka_unit_test_setup(a_set_wins_over_a_load_that_began_before, empty),
      cmocka_unit_test_setup(delete_tells_whether_there_was_one, empty),
      cmocka_unit_test_setup(a_marker_that_was_lost_costs_loads_only, empty),
      cmocka_unit_test_setup(loads_of_two_processes_agree_on_one_value, empty),
  };
  return cmocka_run_group_tests(tests, start, stop) + tags_tests();
}
