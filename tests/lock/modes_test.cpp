// Re-entrance, readers and writers, semaphores, and several locks at once.

#include <atomic>

#include "tests.h"

namespace lock_test {

namespace {

void an_owner_gets_its_lock_again(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  const outcome first = core.must_acquire({.name = "a", .owner = "me"});
  const outcome second = core.must_acquire({.name = "a", .owner = "me"});
  assert_true(second.fence == first.fence && second.lock != first.lock);
  assert_failed(core.acquire({.name = "a", .owner = "you"}), CACHECORE_BUSY, "a is held");
  assert_failed(core.acquire({.name = "a"}), CACHECORE_BUSY, "a is held");
  // Also past those who wait, or it would wait for itself.
  pending waits(other, {.name = "a", .wait_ms = -1}, -1);
  core.wait_for_status("a", "waiting: 1");
  const outcome third = core.must_acquire({.name = "a", .owner = "me"});
  core.must_release(first.lock);
  core.must_release(third.lock);
  assert_false(waits.ended());
  core.must_release(second.lock);
  const outcome granted = waits.wait();
  assert_true(granted.ok() && granted.fence > first.fence);
  assert_int_equal(core.release(second.lock), CACHECORE_CONFLICT);
}

// An owner is whole, also where it waited.
void an_owner_with_nul_bytes_gets_its_lock_again(void **) {
  const lock_core core(test_server_url(server));
  const std::string owner("a\0b", 3);
  const outcome held = core.must_acquire({.name = "a"});
  pending waits(core, {.name = "a", .wait_ms = -1, .owner = owner}, -1);
  core.wait_for_status("a", "waiting: 1");
  core.must_release(held.lock);
  const outcome first = waits.wait();
  assert_int_equal(core.acquire({.name = "a", .owner = "a"}).status, CACHECORE_BUSY);
  const outcome second = core.must_acquire({.name = "a", .owner = owner});
  assert_true(second.fence == first.fence);
}

void without_an_owner_every_acquire_is_its_own(void **) {
  const lock_core core(test_server_url(server));
  const outcome first = core.must_acquire({.name = "a"});
  assert_int_equal(core.acquire({.name = "a"}).status, CACHECORE_BUSY);
  core.must_release(first.lock);
}

void readers_share_and_a_writer_has_it_alone(void **) {
  const lock_core core(test_server_url(server));
  const outcome one = core.must_acquire({.name = "a", .mode = "read"});
  const outcome two = core.must_acquire({.name = "a", .mode = "read"});
  assert_true(two.fence > one.fence);
  assert_contains(core.status("a").answer, "mode: read, count: 2");
  assert_int_equal(core.acquire({.name = "a", .mode = "write"}).status, CACHECORE_BUSY);
  assert_int_equal(core.acquire({.name = "a", .mode = "semaphore", .permits = 5}).status, CACHECORE_BUSY);

  // A reader who comes after a writer waits behind it: writers are not starved.
  pending writer(core, {.name = "a", .wait_ms = -1, .mode = "write"}, -1);
  core.wait_for_status("a", "waiting: 1");
  pending reader(core, {.name = "a", .wait_ms = -1, .mode = "read"}, -1);
  pending another(core, {.name = "a", .wait_ms = -1, .mode = "read"}, -1);
  core.wait_for_status("a", "waiting: 3");
  core.must_release(one.lock);
  core.must_release(two.lock);
  const outcome written = writer.wait();
  assert_true(written.ok() && written.fence > two.fence);
  assert_false(reader.ended() || another.ended());
  core.must_release(written.lock);
  // Then all readers at once.
  const outcome read = reader.wait();
  const outcome also = another.wait();
  assert_true(read.ok() && also.ok() && read.fence > written.fence);
  core.must_release(read.lock);
  core.must_release(also.lock);
  core.must_release(core.must_acquire({.name = "a"}).lock);
}

void a_semaphore_has_so_many_permits(void **) {
  const lock_core core(test_server_url(server));
  const wish permit{.name = "a", .mode = "semaphore", .permits = 3};
  std::vector<outcome> held;
  held.reserve(3);
  for (int i = 0; i < 3; i++) held.push_back(core.must_acquire(permit));
  assert_int_equal(core.acquire(permit).status, CACHECORE_BUSY);
  wish waiting = permit;
  waiting.wait_ms = -1;
  pending fourth(core, waiting, -1);
  core.wait_for_status("a", "count: 3, waiting: 1");
  core.must_release(held[1].lock);
  const outcome granted = fourth.wait();
  assert_true(granted.ok() && granted.fence > held[2].fence);
  assert_int_equal(core.acquire(permit).status, CACHECORE_BUSY);
  // One whose lease ends gives its permit back, too.
  core.must_release(held[0].lock);
  const lock_core plain(test_server_url(server));
  wish brief = permit;
  brief.lease_ms = 200;
  brief.renew = false;
  plain.must_acquire(brief);
  assert_true(core.acquire(waiting).ok());
}

void several_locks_are_taken_all_or_none(void **) {
  const lock_core core(test_server_url(server));
  const lock_core other(test_server_url(server));
  const cachecore_value names[] = {text("c"), text("a"), text("b")};
  const auto all = [&](int64_t wait_ms) {
    return core.call("acquire_many", {cachecore_list(names, 3), number(30'000), number(wait_ms)});
  };
  const outcome taken = all(0);
  assert_true(taken.ok());
  assert_contains(taken.answer, "[{name: c, lock: x");
  for (const char *name : {"a", "b", "c"}) assert_int_equal(other.acquire({.name = name}).status, CACHECORE_BUSY);
  for (const char *name : {"a", "b", "c"}) other.call("force_release", {text(name)});

  const outcome held = other.must_acquire({.name = "b"});
  assert_failed(all(0), CACHECORE_BUSY, "the lock b is held");
  assert_failed(all(50), CACHECORE_BUSY, "the lock b was held for all of wait_ms");
  for (const char *name : {"a", "c"}) other.must_release(other.must_acquire({.name = name, .wait_ms = 20'000}).lock);
  other.must_release(held.lock);
  assert_true(all(0).ok());
}

void locks_in_opposite_orders_do_not_wait_for_each_other(void **) {
  const lock_core core(test_server_url(server));
  std::atomic<int> taken{0};
  on_threads(4, [&](int thread) {
    const cachecore_value forth[] = {text("a"), text("b")};
    const cachecore_value back[] = {text("b"), text("a")};
    for (int i = 0; i < 20; i++) {
      const outcome came = core.call("acquire_many", {cachecore_list(thread % 2 == 0 ? forth : back, 2), number(30'000),
                                                      number(test_patience_ms())});
      if (!came.ok()) test_die("%s", came.message.c_str());
      taken++;
      for (size_t at = came.answer.find("lock: "); at != std::string::npos; at = came.answer.find("lock: ", at + 1)) {
        core.must_release(came.answer.substr(at + 6, came.answer.find(',', at) - at - 6));
      }
    }
  });
  assert_int_equal(taken, 80);
}

}  // namespace

std::vector<CMUnitTest> modes_tests() {
  return {
      cmocka_unit_test_setup(an_owner_gets_its_lock_again, empty),
      cmocka_unit_test_setup(an_owner_with_nul_bytes_gets_its_lock_again, empty),
      cmocka_unit_test_setup(without_an_owner_every_acquire_is_its_own, empty),
      cmocka_unit_test_setup(readers_share_and_a_writer_has_it_alone, empty),
      cmocka_unit_test_setup(a_semaphore_has_so_many_permits, empty),
      cmocka_unit_test_setup(several_locks_are_taken_all_or_none, empty),
      cmocka_unit_test_setup(locks_in_opposite_orders_do_not_wait_for_each_other, empty),
  };
}

}  // namespace lock_test
