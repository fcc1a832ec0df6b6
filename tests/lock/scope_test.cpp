// cachecore::lock: held for as long as a block.

#include <cachecore/cachecore.hpp>

#include "tests/support/support.h"
#include "tests/support/unit.h"

namespace {

using namespace std::chrono_literals;

test_server *server;

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  return 0;
}

int stop(void **) {
  test_server_stop(server);
  return 0;
}

cachecore::core open() { return cachecore::core({.url = test_server_url(server), .plugins = {{"lock"}}}); }

void a_lock_is_held_for_as_long_as_its_block(void **) {
  const cachecore::core core = open();
  int64_t fence = 0;
  {
    cachecore::lock held(core, "a", {.wait = 1s});
    fence = held.fence();
    assert_false(held.lost());
    assert_false(cachecore::lock::try_acquire(core, "a").has_value());
    assert_true(held.extend(1min) > 0ms);
    cachecore::lock moved = std::move(held);
    assert_false(moved.lost());
    assert_false(cachecore::lock::try_acquire(core, "a").has_value());
  }
  auto next = cachecore::lock::try_acquire(core, "a");
  assert_true(next.has_value());
  assert_true(next->fence() > fence);
  next->release();
  next->release();
  assert_true(cachecore::lock::try_acquire(core, "a").has_value());
}

void a_lock_that_was_taken_away_is_lost(void **) {
  const cachecore::core core = open();
  cachecore::lock watched(core, "a");
  cachecore::lock unwatched(core, "b");
  assert_false(watched.lost());
  assert_int_equal(core.call("lock.force_release", "a").as<int64_t>(), 1);
  core.call("lock.release", unwatched.handle());
  assert_true(test_wait_until([](void *lock) { return static_cast<cachecore::lock *>(lock)->lost() ? 1 : 0; }, &watched,
                              test_patience_ms()));
  assert_true(unwatched.lost());
  bool refused = false;
  try {
    watched.release();
  } catch (const cachecore::error &reason) {
    refused = reason.status() == cachecore::status::conflict;
  }
  assert_true(refused);
}

void modes_are_said_by_options(void **) {
  const cachecore::core core = open();
  const cachecore::lock one(core, "a", {.mode = cachecore::lock_mode::read});
  const cachecore::lock two(core, "a", {.mode = cachecore::lock_mode::read});
  assert_false(cachecore::lock::try_acquire(core, "a", {.mode = cachecore::lock_mode::write}).has_value());
  const cachecore::lock permit(core, "b", {.mode = cachecore::lock_mode::semaphore, .permits = 1});
  assert_false(
      cachecore::lock::try_acquire(core, "b", {.mode = cachecore::lock_mode::semaphore, .permits = 1}).has_value());
  const cachecore::lock mine(core, "c", {.owner = "me"});
  const cachecore::lock again(core, "c", {.owner = "me"});
  assert_true(again.fence() == mine.fence());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_lock_is_held_for_as_long_as_its_block),
      cmocka_unit_test(a_lock_that_was_taken_away_is_lost),
      cmocka_unit_test(modes_are_said_by_options),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
