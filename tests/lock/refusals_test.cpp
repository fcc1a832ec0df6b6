// What is refused, and servers that are not as expected: one that evicts, one without replicas, one that forbids
// RESTORE, and one that others lock on in their own way.

#include "tests.h"

namespace lock_test {

namespace {

void wrong_arguments_are_named(void **) {
  const lock_core core(test_server_url(server));
  assert_failed(core.acquire({.name = "a", .mode = "shared"}), CACHECORE_INVALID_ARGUMENT,
                "mode must be exclusive, write, read or semaphore, got shared");
  assert_failed(core.acquire({.name = "a", .mode = "semaphore"}), CACHECORE_INVALID_ARGUMENT, "permits must be given");
  assert_failed(core.acquire({.name = "a", .mode = "read", .permits = 2}), CACHECORE_INVALID_ARGUMENT,
                "permits is for mode semaphore alone");
  assert_failed(core.acquire({.name = "a", .lease_ms = 0}), CACHECORE_INVALID_ARGUMENT, "lease_ms");
  assert_failed(core.acquire({.name = "a", .wait_ms = -2}), CACHECORE_INVALID_ARGUMENT, "wait_ms");
  for (const char *lock :
       {"", "x", "x123456789012345678901234", "y123456789012345678901234a", "x12345678901234567890123!a"}) {
    assert_failed(core.call("release", {text(lock)}), CACHECORE_INVALID_ARGUMENT, "lock must be what acquire gave");
  }
  const cachecore_value twice[] = {text("a"), text("a")};
  assert_failed(core.call("acquire_many", {cachecore_list(twice, 2)}), CACHECORE_INVALID_ARGUMENT,
                "names must differ from each other, got a twice");
  const cachecore_value wrong[] = {text("a"), number(1)};
  assert_failed(core.call("acquire_many", {cachecore_list(wrong, 2)}), CACHECORE_INVALID_ARGUMENT, "number 2 is none");
  assert_failed(core.call("release", {text("x123456789012345678901234nobody")}), CACHECORE_CONFLICT,
                "nobody is not held by this handle");
}

void a_server_that_evicts_is_refused_unless_it_is_allowed(void **) {
  redis(server, "CONFIG SET maxmemory-policy allkeys-lru");
  {
    const lock_core core(test_server_url(server));
    assert_failed(core.acquire({.name = "a"}), CACHECORE_INVALID_STATE, "maxmemory-policy is allkeys-lru");
    const lock_core allowed(test_server_url(server), R"({"allow_eviction": true})");
    assert_true(allowed.acquire({.name = "a"}).ok());
    redis(server, "CONFIG SET maxmemory-policy noeviction");
    assert_failed(core.acquire({.name = "a"}), CACHECORE_BUSY, "a is held");
  }
}

void a_grant_that_replicas_do_not_confirm_is_given_back(void **) {
  const lock_core core(test_server_url(server));
  const cachecore_pair sync[] = {{text("replicas"), number(1)}, {text("timeout_ms"), number(50)}};
  const wish a{.name = "a"};  // the arguments refer to it
  std::vector<cachecore_value> args = arguments(a);
  args.push_back(cachecore_map(sync, 2));
  assert_failed(core.call("acquire", args), CACHECORE_UNCERTAIN, "0 of 1 replicas confirmed within 50 ms");
  assert_true(core.acquire({.name = "a", .wait_ms = test_patience_ms()}).ok());
}

void a_server_that_forbids_restore_locks_by_scripts(void **) {
  redis(server, "CONFIG RESETSTAT");
  redis(server, "ACL SETUSER default -restore");
  const lock_core refused(test_server_url(server));
  const outcome first = refused.must_acquire({.name = "a"});
  assert_int_equal(refused.acquire({.name = "a"}).status, CACHECORE_BUSY);
  refused.must_release(first.lock);
  const outcome second = refused.must_acquire({.name = "a"});
  assert_true(second.fence > first.fence);
  refused.must_release(second.lock);
  redis(server, "ACL SETUSER default +restore");
  assert_int_equal(calls_of(server, "restore"), 0);
}

void a_plain_lock_of_another_system_counts_as_held(void **) {
  const lock_core core(test_server_url(server), R"({"migrate_from": "lock:"})");
  redis(server, "SET lock:a token NX PX 60000");
  assert_failed(core.acquire({.name = "a"}), CACHECORE_BUSY, "a is held");
  assert_failed(core.acquire({.name = "a", .wait_ms = 50}), CACHECORE_BUSY, "a was held");
  core.must_release(core.must_acquire({.name = "b"}).lock);
  pending waits(core, {.name = "a", .wait_ms = -1}, -1);
  redis(server, "DEL lock:a");
  assert_true(waits.wait().ok());
}

void a_key_that_holds_something_else_is_an_error(void **) {
  const lock_core core(test_server_url(server));
  const outcome held = core.must_acquire({.name = "a"});
  const std::string keys = redis(server, "KEYS lock:*:k:a");
  const std::string key = keys.substr(1, keys.size() - 2);
  redis(server, "SET " + key + " text");
  assert_int_equal(core.acquire({.name = "a"}).status, CACHECORE_REJECTED);
  assert_int_equal(core.release(held.lock), CACHECORE_REJECTED);
}

}  // namespace

std::vector<CMUnitTest> refusals_tests() {
  return {
      cmocka_unit_test_setup(wrong_arguments_are_named, empty),
      cmocka_unit_test_setup(a_server_that_evicts_is_refused_unless_it_is_allowed, empty),
      cmocka_unit_test_setup(a_grant_that_replicas_do_not_confirm_is_given_back, empty),
      cmocka_unit_test_setup(a_server_that_forbids_restore_locks_by_scripts, empty),
      cmocka_unit_test_setup(a_plain_lock_of_another_system_counts_as_held, empty),
      cmocka_unit_test_setup(a_key_that_holds_something_else_is_an_error, empty),
  };
}

}  // namespace lock_test
