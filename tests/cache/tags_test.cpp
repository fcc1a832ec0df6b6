// Tags: what depends on one ends with it, also what was being loaded, and whatever the server loses.

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

outcome with_tags(const cache_core &core, const char *method, std::vector<cachecore_value> args,
                  const std::vector<const char *> &tags) {
  std::vector<cachecore_value> list;
  list.reserve(tags.size());
  for (const char *each : tags) list.push_back(text(each));
  args.push_back(cachecore_nil());
  args.push_back(cachecore_list(list.data(), list.size()));
  return core.ok(method, args);
}

void set(const cache_core &core, const char *key, const std::vector<const char *> &tags) {
  with_tags(core, "set", {text("r"), text(key), text(key)}, tags);
}

bool store(const cache_core &core, const std::string &lease, const char *value, const std::vector<const char *> &tags) {
  return with_tags(core, "store", {text(lease), text(value)}, tags).answer == "true";
}

bool has(const cache_core &core, const char *key) {
  return core.call("get", {text("r"), text(key)}).status == CACHECORE_OK;
}

void invalidate_tag(const cache_core &core, const std::string &tag) {
  core.ok("invalidate_tag", {text("r"), text(tag)});
}

void a_tag_ends_what_has_it(void **) {
  const cache_core core(test_server_url(server));
  const cache_core other(test_server_url(server));
  set(core, "one", {"a", "b"});
  set(core, "two", {"b"});
  set(core, "three", {});
  assert_true(store(core, core.must_load("r", "four"), "four", {"a"}));
  core.ok("set", {text("s"), text("one"), text("elsewhere")});
  invalidate_tag(other, "a");
  for (const cache_core *each : {&core, &other}) {
    assert_false(has(*each, "one"));
    assert_true(has(*each, "two"));
    assert_true(has(*each, "three"));
    assert_false(has(*each, "four"));
    assert_int_equal(each->call("get", {text("s"), text("one")}).status, CACHECORE_OK);
  }
  set(core, "one", {"a"});
  assert_true(has(other, "one"));
  assert_failed(core.call("invalidate_tag", {text("r"), text("")}), CACHECORE_INVALID_ARGUMENT, "tag");
  assert_failed(core.call("invalidate_tag", {text("r"), text(std::string(1025, 't'))}), CACHECORE_INVALID_ARGUMENT,
                "tag");
}

void a_policy_tags_every_value(void **) {
  const cache_core core(test_server_url(server));
  const cachecore_value tag = text("all");
  core.define("r", {{"tags", cachecore_list(&tag, 1)}});
  set(core, "one", {"own"});
  assert_true(core.store(core.must_load("r", "two"), "two"));
  invalidate_tag(core, "own");
  assert_false(has(core, "one"));
  assert_true(has(core, "two"));
  invalidate_tag(core, "all");
  assert_false(has(core, "two"));
}

// What a load depends on is known when it ends.
void a_tag_that_ends_during_a_load_ends_it_too(void **) {
  const cache_core loading(test_server_url(server));
  const cache_core other(test_server_url(server));
  for (const cache_core *invalidating : {&loading, &other}) {
    const std::string old_lease = loading.must_load("r", "k");
    pending before(loading, "r", "k");
    loading.wait_for_waiting("r", 1);
    invalidate_tag(*invalidating, "t");
    pending after(loading, "r", "k");
    loading.wait_for_waiting("r", 2);
    (void)store(loading, old_lease, "old", {"t"});
    assert_found(before.wait(), "hit", "old");
    const outcome told = after.wait();
    assert_text(told.state, "load");
    assert_false(has(other, "k"));
    assert_true(store(loading, told.lease, "new", {"t"}));
    assert_found(other.lookup("r", "k"), "hit", "new");
    loading.ok("delete", {text("r"), text("k")});
  }
  // A load without that tag goes on for all.
  const std::string lease = loading.must_load("r", "k");
  invalidate_tag(loading, "t");
  pending after(loading, "r", "k");
  loading.wait_for_waiting("r", 1);
  assert_true(store(loading, lease, "value", {"another"}));
  assert_found(after.wait(), "hit", "value");
}

// The marker lists the latest; the hash has all.
void more_tags_than_the_marker_lists(void **) {
  const cache_core core(test_server_url(server));
  const cache_core other(test_server_url(server));
  set(core, "old", {"quiet"});
  set(core, "ended", {"early"});
  invalidate_tag(core, "early");
  for (int i = 0; i < 100; i++) invalidate_tag(core, "tag" + std::to_string(i));
  for (const cache_core *each : {&core, &other}) {
    assert_true(has(*each, "old"));
    assert_false(has(*each, "ended"));
  }
  // What was learnt of a tag is good for as long as the list has all that came after.
  const int64_t before = test_server_info(server, "total_reads_processed");
  for (int i = 0; i < 50; i++) assert_true(has(other, "old"));
  assert_in_range(test_server_info(server, "total_reads_processed") - before, 50, 55);
  invalidate_tag(core, "quiet");
  assert_false(has(other, "old"));
  assert_true(test_command_integer(server, "STRLEN cache:m:{r}") < 2'000);
}

// An evicting server loses the hash while a value is loaded.
void tags_that_were_lost_cost_loads_only(void **) {
  const cache_core core(test_server_url(server));
  invalidate_tag(core, "first");
  set(core, "tagged", {"kept"});
  set(core, "plain", {});
  const std::string lease = core.must_load("r", "k");
  invalidate_tag(core, "t");
  for (int i = 0; i < 70; i++) invalidate_tag(core, "tag" + std::to_string(i));
  assert_text(redis(server, "DEL cache:t:{r}"), "1");
  (void)store(core, lease, "old", {"t"});
  core.fail(core.must_load("r", "k"), "enough");
  assert_false(has(core, "tagged"));
  assert_true(has(core, "plain"));
  // The next invalidation begins it anew, and forgets nothing that was lost.
  invalidate_tag(core, "unrelated");
  core.fail(core.must_load("r", "k"), "enough");
  set(core, "k", {"t"});
  assert_true(has(core, "k"));
  invalidate_tag(core, "t");
  assert_false(has(core, "k"));
  // The marker goes, too.
  set(core, "k", {"t"});
  assert_text(redis(server, "DEL cache:m:{r}"), "1");
  assert_false(has(core, "k"));
}

void a_full_hash_is_begun_anew(void **) {
  const cache_core core(test_server_url(server));
  invalidate_tag(core, "first");
  set(core, "tagged", {"kept"});
  set(core, "plain", {});
  char *filled = test_command_text(server, "EVAL %s 1 cache:t:{r}",
                                   "for i = 1, 65536 do redis.call('HSET', KEYS[1], 'x' .. i, '12345678') end");
  free(filled);
  invalidate_tag(core, "one more");
  assert_int_equal(test_command_integer(server, "HLEN cache:t:{r}"), 2);
  assert_false(has(core, "tagged"));
  assert_true(has(core, "plain"));
}

// A load without Redis knows nothing of what others invalidate, but this process does.
void a_load_without_redis_ends_with_a_tag(void **) {
  const cache_core core(test_server_url(server), R"({"redis_timeout_ms": 100})");
  core.define("r", {{"outage_ttl_ms", number(600'000)}});
  const auto bring_back = [&] {
    test_server_restart(server);
    // Whatever key it is that finds Redis there again.
    assert_true(until([&] {
      const outcome came = core.lookup("s", "k");
      return came.state == "hit" || core.store(came.lease, "value");
    }));
  };
  test_server_kill(server);
  const std::string lease = core.must_load("r", "loading");
  assert_false(store(core, core.must_load("r", "loaded"), "old", {"t"}));
  assert_false(store(core, core.must_load("r", "another"), "kept", {"u"}));
  assert_found(core.lookup("r", "loaded"), "hit", "old");
  bring_back();
  invalidate_tag(core, "t");
  test_server_kill(server);
  // Told to load, and not given what was loaded before.
  core.fail(core.must_load("r", "loaded"), "enough");
  assert_found(core.lookup("r", "another"), "hit", "kept");
  pending after(core, "r", "loading");
  core.wait_for_waiting("r", 1);
  (void)store(core, lease, "old", {"t"});
  const outcome told = after.wait();
  assert_text(told.state, "load");
  core.fail(told.lease, "enough");
  bring_back();
}

}  // namespace

int tags_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_tag_ends_what_has_it, empty),
      cmocka_unit_test_setup(a_policy_tags_every_value, empty),
      cmocka_unit_test_setup(a_tag_that_ends_during_a_load_ends_it_too, empty),
      cmocka_unit_test_setup(more_tags_than_the_marker_lists, empty),
      cmocka_unit_test_setup(tags_that_were_lost_cost_loads_only, empty),
      cmocka_unit_test_setup(a_full_hash_is_begun_anew, empty),
      cmocka_unit_test_setup(a_load_without_redis_ends_with_a_tag, empty),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
