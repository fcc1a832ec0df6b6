// An outage under load: memory stays flat, what is not idempotent is not repeated, and work goes on by itself
// afterwards.
//
// 5,000 calls a second are offered for 10 seconds in all (10 minutes in the long form), half of them while the server
// is dead or stopped.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

int64_t seconds() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::strcmp(length, "long") == 0 ? 600 : 10;
}

int64_t resident_bytes() {
  long pages = 0, resident = 0;
  FILE *file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) test_die("/proc/self/statm");
  std::fclose(file);
  return resident * sysconf(_SC_PAGESIZE);
}

struct offered {
  const redis_core &core;
  std::atomic<bool> stop{false};
  std::atomic<int64_t> applied{0}, uncertain{0}, refused{0}, wrong{0}, submitted{0}, completed{0};

  void count(cachecore_status status) {
    switch (status) {
      case CACHECORE_OK:
        applied++;
        break;
      case CACHECORE_UNCERTAIN:
        uncertain++;
        break;
      case CACHECORE_UNAVAILABLE:
      case CACHECORE_TIMEOUT:
      case CACHECORE_BUSY:
        refused++;
        break;
      default:
        wrong++;
    }
  }
};

// 1,000 increments a second and a read beside each, waited for.
void call_steadily(offered &all) {
  for (int64_t next = test_now_ms(); !all.stop; next += 1) {
    all.count(all.core.command({"INCR", "counter"}, 300).status);
    (void)all.core.command({"GET", "counter"}, 300);
    while (test_now_ms() < next && !all.stop) poll(nullptr, 0, 1);
  }
}

// 3,000 increments a second, submitted.
void submit_steadily(offered &all) {
  cachecore_completions *queue = nullptr;
  const cachecore_method *method = nullptr;
  cachecore_error error;
  if (cachecore_completions_create(all.core.handle(), &queue, &error) != CACHECORE_OK ||
      cachecore_method_find(all.core.handle(), "redis.command", &method, &error) != CACHECORE_OK) {
    test_die("%s", error.message);
  }
  const cachecore_value words[] = {cachecore_text("INCR"), cachecore_text("counter")};
  const cachecore_value arg = cachecore_list(words, 2);
  const auto drain = [&] {
    cachecore_completion done[64];
    const size_t count = cachecore_completions_drain(queue, done, 64);
    for (size_t i = 0; i < count; i++) {
      all.count(done[i].status);
      all.completed++;
      cachecore_result_free(done[i].result);
    }
    return count;
  };
  while (!all.stop) {
    for (int i = 0; i < 30; i++) {
      if (cachecore_submit(all.core.handle(), method, &arg, 1, 500, queue, 0, nullptr, &error) != CACHECORE_OK) {
        test_die("submit: %s", error.message);
      }
      all.submitted++;
    }
    poll(nullptr, 0, 10);
    while (drain() > 0) continue;
  }
  while (all.completed < all.submitted) {
    pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("an operation was lost");
    while (drain() > 0) continue;
  }
  cachecore_completions_destroy(queue);
}

void wait_ms(int64_t ms) {
  for (const int64_t until = test_now_ms() + ms; test_now_ms() < until;) poll(nullptr, 0, 10);
}

void an_outage_under_load(void **) {
  test_server *server = test_server_start_tcp(nullptr, nullptr);
  {
    // The counter's own server is the judge, so it must not forget: it is stopped, and its connections are cut, not its
    // data.
    test_proxy *proxy = test_proxy_start(server);
    const redis_core core(test_proxy_tcp_url(proxy), R"({"connect_timeout_ms": 300})", 1'000);
    assert_answer(core.command({"SET", "counter", "0"}), "OK");
    offered all{core};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; i++) threads.emplace_back(call_steadily, std::ref(all));
    threads.emplace_back(submit_steadily, std::ref(all));
    const int64_t phase = seconds() * 1'000 / 8;
    wait_ms(phase);
    int64_t highest = 0;
    const int64_t before = resident_bytes();
    const auto outage = [&] {
      for (const int64_t until = test_now_ms() + phase * 2; test_now_ms() < until;) {
        wait_ms(50);
        highest = std::max(highest, resident_bytes());
      }
    };
    test_proxy_refuse(proxy, 1);  // as if it had died
    test_proxy_disconnect(proxy);
    outage();
    test_proxy_refuse(proxy, 0);
    wait_ms(phase);
    test_server_pause(server);  // TCP still acknowledges
    outage();
    test_server_resume(server);
    const int64_t applied = all.applied;
    struct more {
      const std::atomic<int64_t> &now;
      int64_t goal;
    } recovered{all.applied, applied + 1'000};
    assert_true(test_wait_until(
        [](void *state) {
          const auto &self = *static_cast<more *>(state);
          return self.now >= self.goal ? 1 : 0;
        },
        &recovered, test_patience_ms()));
    all.stop = true;
    for (std::thread &each : threads) each.join();
    const int64_t there = integer_of(core.command({"GET", "counter"}).answer);
    print_message("applied %lld, uncertain %lld, refused %lld; there %lld; memory rose by %lld kB\n",
                  static_cast<long long>(all.applied), static_cast<long long>(all.uncertain),
                  static_cast<long long>(all.refused), static_cast<long long>(there),
                  static_cast<long long>((highest - before) / 1'024));
    assert_int_equal(all.wrong, 0);
    assert_true(there >= all.applied);
    assert_true(there <= all.applied + all.uncertain);
    // What waits is bounded by its deadlines: at most half a second of it.
    assert_true(highest - before < int64_t{64} << 20);
    test_proxy_stop(proxy);
  }
  test_server_stop(server);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(an_outage_under_load)};
  return cmocka_run_group_tests_name("outage", tests, nullptr, nullptr);
}
