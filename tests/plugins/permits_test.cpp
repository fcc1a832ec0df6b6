// Calls of many threads that wait for each other in a plugin, time out, are cancelled, and are woken at the same
// moment: no permit is ever lost or doubled. PERMITS_PLUGIN names the plugin of permits_plugin.cpp.

#include <cachecore/completions.h>
#include <cachecore/core.h>
#include <poll.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "show.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"

namespace {

constexpr int64_t permit_count = 2;  // as the plugin's configuration has it

struct fixture {
  cachecore_handle *core = nullptr;
  const cachecore_method *acquire = nullptr;
  const cachecore_method *release = nullptr;
  std::atomic<int64_t> held{0};
  std::atomic<int64_t> most_held{0};
  std::atomic<int64_t> granted{0};
  std::atomic<int64_t> refused{0};
  std::atomic<int64_t> wrong{0};

  fixture() {
    const char *const plugins[] = {getenv("PERMITS_PLUGIN"), nullptr};
    cachecore_options options;
    cachecore_options_init(&options);
    options.plugins = plugins;
    options.url = "redis://127.0.0.1:1/0";  // never used
    cachecore_error error;
    if (cachecore_init(&options, &core, &error) != CACHECORE_OK ||
        cachecore_method_find(core, "permits.acquire", &acquire, &error) != CACHECORE_OK ||
        cachecore_method_find(core, "permits.release", &release, &error) != CACHECORE_OK) {
      test_die("%s", error.message);
    }
  }
  ~fixture() { cachecore_close(core); }
  fixture(const fixture &) = delete;
  fixture &operator=(const fixture &) = delete;

  // On any thread: what was granted is noted, then given back.
  void give_back() {
    const int64_t now = ++held;
    int64_t most = most_held.load();
    while (now > most && !most_held.compare_exchange_weak(most, now)) {
    }
    granted++;
    held--;
    const cachecore_value permit = cachecore_int(1);
    if (cachecore_call(core, release, &permit, 1, -1, nullptr, nullptr) != CACHECORE_OK) wrong++;
  }

  std::string state() {
    cachecore_result *result = nullptr;
    cachecore_error error;
    if (cachecore_invoke(core, "permits.state", nullptr, 0, &result, &error) != CACHECORE_OK)
      test_die("%s", error.message);
    std::string shown = show(*cachecore_result_value(result));
    cachecore_result_free(result);
    return shown.substr(0, shown.find(", undone"));
  }

  // A permit that reached nobody comes back in the background.
  void assert_all_free() {
    const std::string expected = "{free: " + std::to_string(permit_count) + ", waiting: false";
    struct awaited {
      fixture *of;
      const std::string *expected;
    } context{this, &expected};
    const auto settled = [](void *given) {
      const auto *what = static_cast<awaited *>(given);
      return what->of->state() == *what->expected ? 1 : 0;
    };
    const bool all_free = test_wait_until(settled, &context, test_patience_ms()) == 1;
    if (!all_free) print_error("%s\n", state().c_str());
    assert_true(all_free);
    assert_int_equal(wrong.load(), 0);
    assert_in_range(most_held.load(), 1, permit_count);
  }
};

int rounds() { return getenv("CACHECORE_TEST_LENGTH") != nullptr ? 100000 : 1500; }

void loses_no_permit_to_timeouts(void **) {
  fixture of;
  std::vector<std::thread> threads;
  threads.reserve(6);
  for (int thread = 0; thread < 6; thread++) {
    threads.emplace_back([&of, thread] {
      for (int i = 0; i < rounds(); i++) {
        cachecore_result *result = nullptr;
        const int64_t timeout_ms = i % 3 == thread % 3 ? 1 : 20;
        const cachecore_status status = cachecore_call(of.core, of.acquire, nullptr, 0, timeout_ms, &result, nullptr);
        cachecore_result_free(result);
        if (status == CACHECORE_OK) {
          // Others time out meanwhile.
          if (i % 16 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          of.give_back();
        } else if (status == CACHECORE_TIMEOUT) {
          of.refused++;
        } else {
          of.wrong++;
        }
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  of.assert_all_free();
  assert_true(of.granted > 0);
}

// Each thread keeps a few acquisitions under way and cancels every other one.
void loses_no_permit_to_cancellation(void **) {
  fixture of;
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int thread = 0; thread < 3; thread++) {
    threads.emplace_back([&of] {
      cachecore_completions *queue = nullptr;
      if (cachecore_completions_create(of.core, &queue, nullptr) != CACHECORE_OK) {
        of.wrong++;
        return;
      }
      for (int i = 0; i < rounds(); i++) {
        constexpr int at_once = 4;
        uint64_t operations[at_once];
        for (uint64_t &operation : operations) {
          if (cachecore_submit(of.core, of.acquire, nullptr, 0, -1, queue, 0, &operation, nullptr) != CACHECORE_OK)
            of.wrong++;
        }
        for (int which = i % 2; which < at_once; which += 2) cachecore_cancel(of.core, operations[which], nullptr);
        pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
        for (int completed = 0; completed < at_once;) {
          cachecore_completion completion;
          if (cachecore_completions_drain(queue, &completion, 1) == 0) {
            if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0)
              test_die("a completion is missing: %s", of.state().c_str());
            continue;
          }
          completed++;
          if (completion.status == CACHECORE_OK) {
            of.give_back();
          } else if (completion.status == CACHECORE_CANCELLED) {
            of.refused++;
          } else {
            of.wrong++;
          }
          cachecore_result_free(completion.result);
        }
      }
      cachecore_completions_destroy(queue);
    });
  }
  for (std::thread &thread : threads) thread.join();
  of.assert_all_free();
  assert_true(of.granted > 0);
}

// A queue that goes away takes its waiting calls with it; what they were granted at that moment comes back.
void loses_no_permit_to_a_destroyed_queue(void **) {
  fixture of;
  for (int i = 0; i < rounds() / 10; i++) {
    cachecore_completions *queue = nullptr;
    assert_int_equal(cachecore_completions_create(of.core, &queue, nullptr), CACHECORE_OK);
    for (int each = 0; each < 6; each++) {
      assert_int_equal(cachecore_submit(of.core, of.acquire, nullptr, 0, -1, queue, 0, nullptr, nullptr), CACHECORE_OK);
    }
    // Some of them hold permits that were completed but never drained: they are the queue's loss unless taken out.
    size_t taken = 0;
    cachecore_completion completion;
    pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
    while (taken < static_cast<size_t>(permit_count)) {
      if (cachecore_completions_drain(queue, &completion, 1) == 0) {
        assert_int_equal(poll(&readable, 1, static_cast<int>(test_patience_ms())), 1);
        continue;
      }
      assert_int_equal(completion.status, CACHECORE_OK);
      cachecore_result_free(completion.result);
      taken++;
    }
    std::thread releasing([&of] {
      for (int64_t each = 0; each < permit_count; each++) of.give_back();
    });
    cachecore_completions_destroy(queue);
    releasing.join();
  }
  of.assert_all_free();
}

void wakes_nobody_after_close(void **) {
  fixture of;
  const cachecore_value permit = cachecore_int(1);
  for (int64_t i = 0; i < permit_count; i++) {
    assert_int_equal(cachecore_call(of.core, of.acquire, nullptr, 0, -1, nullptr, nullptr), CACHECORE_OK);
  }
  cachecore_status status = CACHECORE_OK;
  std::thread waiting([&] { status = cachecore_call(of.core, of.acquire, nullptr, 0, -1, nullptr, nullptr); });
  while (of.state() != "{free: 0, waiting: true") std::this_thread::yield();
  assert_int_equal(cachecore_reset(of.core, nullptr), CACHECORE_OK);
  waiting.join();
  assert_true(status == CACHECORE_UNAVAILABLE || status == CACHECORE_UNCERTAIN || status == CACHECORE_CLOSED);
  // A new instance has its permits.
  assert_int_equal(cachecore_call(of.core, of.acquire, nullptr, 0, -1, nullptr, nullptr), CACHECORE_OK);
  assert_int_equal(cachecore_call(of.core, of.release, &permit, 1, -1, nullptr, nullptr), CACHECORE_OK);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(loses_no_permit_to_timeouts),
      cmocka_unit_test(loses_no_permit_to_cancellation),
      cmocka_unit_test(loses_no_permit_to_a_destroyed_queue),
      cmocka_unit_test(wakes_nobody_after_close),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
