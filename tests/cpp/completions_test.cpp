// Submitting, streams and coroutines through the binding.
#include <coroutine>
#include <map>

#include "tests/cpp/check.h"

using cachecore::status;
using namespace std::chrono_literals;

namespace {

// Takes completions until `count` came, by operation.
std::map<uint64_t, cachecore::completion> collect(cachecore::completions &queue, size_t count) {
  std::map<uint64_t, cachecore::completion> all;
  while (all.size() < count) {
    CHECK(queue.wait(test_patience_ms()));
    for (auto &done : queue.drain(3)) all.emplace(done.operation(), std::move(done));
  }
  return all;
}

void submit_and_drain() {
  const auto core = check::conformance_core();
  cachecore::completions queue(core);
  CHECK(queue.drain().empty());
  const uint64_t sum = core.with({.user_data = 7}).submit(queue, "conformance.add", 40, 2);
  const uint64_t late = core.submit(queue, "conformance.pause", 5ms);
  const uint64_t nothing = core.find("conformance.not_found").submit(queue);
  const uint64_t failed = core.submit(queue, "conformance.fail", CACHECORE_CONFLICT, "changed");
  auto done = collect(queue, 4);
  CHECK(done.at(sum).user_data() == 7 && done.at(sum).as<int>() == 42 && !done.at(sum).more());
  CHECK(done.at(late).as<int>() == 5 && done.at(late).status() == status::ok);
  CHECK(!done.at(nothing).found() && done.at(nothing).as<std::optional<int>>() == std::nullopt);
  CHECK(check::status_of([&] { (void)done.at(nothing).as<int>(); }) == status::not_found);
  CHECK(done.at(failed).status() == status::conflict);
  CHECK(check::contains(check::error_of([&] { (void)done.at(failed).found(); }).message(), "changed"));
  CHECK(std::move(done.at(sum)).get().as<int>() == 42);
}

void refused_submits_complete_nowhere() {
  const auto core = check::conformance_core();
  cachecore::completions queue(core);
  CHECK(check::status_of([&] { core.submit(queue, "conformance.add", "x"); }) == status::invalid_argument);
  CHECK(check::status_of([&] { core.submit(queue, "conformance.nothing"); }) == status::no_method);
  CHECK(!queue.wait(0));
  CHECK(queue.drain().empty());
}

void cancelling() {
  const auto core = check::conformance_core();
  cachecore::completions queue(core);
  const uint64_t operation = core.with_timeout(cachecore::no_timeout).submit(queue, "conformance.never");
  core.cancel(operation);
  CHECK(collect(queue, 1).at(operation).status() == status::cancelled);
  CHECK(check::status_of([&] { core.cancel(operation + 1000); }) == status::invalid_argument);
}

void a_queue_that_goes_gives_up() {
  const auto core = check::conformance_core();
  {
    cachecore::completions queue(core);
    core.with_timeout(cachecore::no_timeout).submit(queue, "conformance.grant", true);
    core.with_timeout(cachecore::no_timeout).submit(queue, "conformance.grant", true);
  }
  CHECK(core.call("conformance.released", 2).as<int>() == 2);
}

void a_queue_outlives_its_core() {
  std::optional<cachecore::completions> queue;
  uint64_t operation = 0;
  {
    const auto core = check::conformance_core();
    queue.emplace(core);
    operation = core.with_timeout(cachecore::no_timeout).submit(*queue, "conformance.never");
  }
  CHECK(collect(*queue, 1).at(operation).status() == status::closed);
}

void items_of_a_stream() {
  const auto core = check::conformance_core();
  auto numbers = core.open("conformance.emit", 5);
  int64_t next = 0;
  for (const auto &item : numbers) CHECK(item.as<int64_t>() == next++);
  CHECK(next == 5 && numbers.ended());
  CHECK(!numbers.next() && numbers.wait(0));
}

void a_stream_that_fails() {
  const auto core = check::conformance_core();
  auto numbers = core.open("conformance.emit", 1, "fail");
  CHECK(numbers.next()->as<int>() == 0);
  CHECK(check::status_of([&] { (void)numbers.next(); }) == status::corrupt);
  CHECK(!numbers.next());
}

void a_stream_that_is_cancelled() {
  const auto core = check::conformance_core();
  auto numbers = core.open("conformance.emit", 1, "hold");
  CHECK(numbers.wait(test_patience_ms()));
  CHECK(numbers.next()->as<int>() == 0);
  CHECK(!numbers.wait(0));
  cachecore::stream moved = std::move(numbers);
  moved.cancel();
  CHECK(!moved.next() && moved.ended());
  const auto with_deadline = core.with_timeout(20ms);
  auto late = with_deadline.open("conformance.emit", 0, "hold");
  CHECK(check::status_of([&] { (void)late.next(); }) == status::timeout);
}

void a_stream_that_is_not_read_drops_the_oldest() {
  const auto core = check::conformance_core();
  auto numbers = core.open("conformance.emit_fast", 3000);
  core.call("conformance.settled");
  int64_t items = 0;
  int64_t dropped = 0;
  int64_t last = 0;
  for (const auto &item : numbers) {
    dropped += item.dropped();
    if (item.dropped() == 0) last = item.as<int64_t>();
    items += item.dropped() == 0 ? 1 : 0;
  }
  CHECK(items + dropped == 3000 && items <= 1024 && last == 2999);
}

// A coroutine that runs until it is done and keeps what went wrong.
struct detached {
  struct promise_type {
    detached get_return_object() { return detached(std::coroutine_handle<promise_type>::from_promise(*this)); }
    static std::suspend_never initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { failure = std::current_exception(); }
    std::exception_ptr failure;
  };
  explicit detached(std::coroutine_handle<promise_type> started) : handle(started) {}
  detached(const detached &) = delete;
  detached &operator=(const detached &) = delete;
  ~detached() { handle.destroy(); }

  [[nodiscard]] bool done() const { return handle.done(); }
  void rethrow() const {
    if (handle.promise().failure) std::rethrow_exception(handle.promise().failure);
  }
  std::coroutine_handle<promise_type> handle;
};

void run_all(cachecore::async &calls) {
  while (calls.pending() != 0) {
    CHECK(calls.wait(test_patience_ms()));
    calls.resume();
  }
}

detached add_up(cachecore::async &calls, int64_t &sum) {
  for (int index = 0; index < 10; index++) {
    const auto answer = co_await calls.call("conformance.add", sum, index);
    sum = answer.as<int64_t>();
  }
}

void coroutines() {
  const auto core = check::conformance_core();
  cachecore::async calls(core);
  int64_t first = 0;
  int64_t second = 100;
  const detached one = add_up(calls, first);
  const detached two = add_up(calls, second);
  CHECK(calls.pending() == 2);
  run_all(calls);
  one.rethrow();
  two.rethrow();
  CHECK(one.done() && two.done() && first == 45 && second == 145);
}

detached expect_failures(cachecore::async &calls, std::vector<status> &seen) {
  for (const char *method : {"conformance.fail", "conformance.ecko", "conformance.never"}) {
    try {
      if (std::string_view(method) == "conformance.fail") {
        co_await calls.call(method, CACHECORE_CONFLICT, "changed");
      } else {
        co_await calls.with({.timeout_ms = 10}).call(method);
      }
    } catch (const cachecore::error &reason) {
      seen.push_back(reason.status());
    }
  }
  const auto echoed = co_await calls.call("conformance.echo", std::string(100, 'x') + "y");
  if (echoed.as<std::string>() != std::string(100, 'x') + "y") seen.push_back(status::corrupt);
  seen.push_back((co_await calls.call("conformance.not_found")).found() ? status::ok : status::not_found);
}

void failures_are_thrown_into_coroutines() {
  const auto core = check::conformance_core();
  cachecore::async calls(core);
  std::vector<status> seen;
  const detached task = expect_failures(calls, seen);
  run_all(calls);
  task.rethrow();
  CHECK(seen == (std::vector{status::conflict, status::no_method, status::timeout, status::not_found}));
}

detached wait_for_ever(cachecore::async &calls, status &seen) {
  try {
    co_await calls.with({.timeout_ms = cachecore::no_timeout}).call("conformance.never");
  } catch (const cachecore::error &reason) {
    seen = reason.status();
  }
}

void what_waits_when_the_queue_goes_continues() {
  const auto core = check::conformance_core();
  status seen = status::ok;
  std::optional<cachecore::async> calls(core);
  const detached task = wait_for_ever(*calls, seen);
  CHECK(!task.done());
  calls.reset();
  CHECK(task.done() && seen == status::cancelled);
}

void a_coroutine_that_goes_cancels_its_call() {
  const auto core = check::conformance_core();
  cachecore::async calls(core);
  status seen = status::ok;
  {
    const detached task = wait_for_ever(calls, seen);
    CHECK(calls.pending() == 1);
  }
  CHECK(calls.pending() == 0);
  CHECK(calls.wait(test_patience_ms()));
  CHECK(calls.resume() == 0 && seen == status::ok);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<submit_and_drain>),
      cmocka_unit_test(check::run<refused_submits_complete_nowhere>),
      cmocka_unit_test(check::run<cancelling>),
      cmocka_unit_test(check::run<a_queue_that_goes_gives_up>),
      cmocka_unit_test(check::run<a_queue_outlives_its_core>),
      cmocka_unit_test(check::run<items_of_a_stream>),
      cmocka_unit_test(check::run<a_stream_that_fails>),
      cmocka_unit_test(check::run<a_stream_that_is_cancelled>),
      cmocka_unit_test(check::run<a_stream_that_is_not_read_drops_the_oldest>),
      cmocka_unit_test(check::run<coroutines>),
      cmocka_unit_test(check::run<failures_are_thrown_into_coroutines>),
      cmocka_unit_test(check::run<what_waits_when_the_queue_goes_continues>),
      cmocka_unit_test(check::run<a_coroutine_that_goes_cancels_its_call>),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
