// An outage under load: memory stays flat, what is not idempotent is not repeated, and work goes on by itself
// afterwards.
//
// 5,000 submissions a second, and blocking calls beside them, are offered for 10 seconds in all (10 minutes in the long
// form), half of the time while the server is dead or stopped. An outage lasts until so much has been offered in it.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

// Sanitizers keep what was freed, and shadows of what was not.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif
#ifdef SANITIZED
constexpr bool memory_is_our_own = false;
#else
constexpr bool memory_is_our_own = true;
#endif

constexpr int blocking_threads = 6;
constexpr int submitting_threads = 2;
constexpr int64_t submissions_per_ms = 5;  // of all threads together

int64_t seconds() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::strcmp(length, "long") == 0 ? 600 : 10;
}

int64_t resident_bytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream file("/proc/self/statm");
  if (!(file >> pages >> resident)) test_die("/proc/self/statm");
  return resident * sysconf(_SC_PAGESIZE);
}

struct offered {
  const redis_core &core;
  std::atomic<bool> stop{false};
  std::atomic<int64_t> applied{0}, uncertain{0}, refused{0}, wrong{0}, submitted{0};

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

// An increment and a read every four milliseconds, waited for.
void call_steadily(offered &all) {
  for (int64_t next = test_now_ms(); !all.stop; next += 4) {
    all.count(all.core.command({"INCR", "counter"}, 300).status);
    (void)all.core.command({"GET", "counter"}, 300);
    while (test_now_ms() < next && !all.stop) poll(nullptr, 0, 1);
  }
}

// Increments by the clock, whether those before have ended or not: whoever is late makes up for it.
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
  int64_t submitted = 0, completed = 0;
  const auto drain = [&] {
    cachecore_completion done[64];
    const size_t count = cachecore_completions_drain(queue, done, 64);
    for (size_t i = 0; i < count; i++) {
      all.count(done[i].status);
      completed++;
      cachecore_result_free(done[i].result);
    }
    return count;
  };
  const int64_t begun = test_now_ms();
  for (int64_t mine = 0; !all.stop;) {
    for (; mine * submitting_threads < (test_now_ms() - begun) * submissions_per_ms && !all.stop; mine++) {
      if (cachecore_submit(all.core.handle(), method, &arg, 1, 500, queue, 0, nullptr, &error) != CACHECORE_OK) {
        test_die("submit: %s", error.message);
      }
      submitted++;
      all.submitted++;
    }
    poll(nullptr, 0, 5);
    while (drain() > 0) continue;
  }
  while (completed < submitted) {
    pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("an operation was lost");
    while (drain() > 0) continue;
  }
  cachecore_completions_destroy(queue);
}

void wait_ms(int64_t ms) {
  for (const int64_t until = test_now_ms() + ms; test_now_ms() < until;) poll(nullptr, 0, 10);
}

// The server's names of the proxy's connections, by an "id=7" each.
std::set<std::string> connections_of(const test_server *server) {
  char *text = test_command_text(server, "CLIENT LIST TYPE normal");
  std::istringstream lines(text);
  free(text);
  std::set<std::string> out;
  for (std::string line; std::getline(lines, line);) {
    // Those who ask on the server's own socket are not meant.
    if (line.find("addr=127.0.0.1:") != std::string::npos) out.insert(line.substr(0, line.find(' ')));
  }
  return out;
}

bool holds_within(int64_t ms, const std::function<bool()> &what) {
  const auto call = [](void *state) { return (*static_cast<const std::function<bool()> *>(state))() ? 1 : 0; };
  return test_wait_until(call, const_cast<std::function<bool()> *>(&what), ms) != 0;
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
    threads.reserve(blocking_threads + submitting_threads);
    for (int i = 0; i < blocking_threads; i++) threads.emplace_back(call_steadily, std::ref(all));
    for (int i = 0; i < submitting_threads; i++) threads.emplace_back(submit_steadily, std::ref(all));
    const int64_t phase = seconds() * 1'000 / 8;
    wait_ms(phase);
    int64_t highest = 0;
    const int64_t before = resident_bytes();
    const auto outage = [&](const char *name) {
      const int64_t begun = test_now_ms(), submitted = all.submitted, refused = all.refused;
      const int64_t goal = phase * 2 * submissions_per_ms;
      assert_true(holds_within(phase * 2 + test_patience_ms(), [&] {
        highest = std::max(highest, resident_bytes());
        return test_now_ms() - begun >= phase * 2 && all.submitted - submitted >= goal;
      }));
      print_message("%s: %lld submitted in %lld ms, %lld failed\n", name,
                    static_cast<long long>(all.submitted - submitted), static_cast<long long>(test_now_ms() - begun),
                    static_cast<long long>(all.refused - refused));
    };
    test_proxy_refuse(proxy, 1);  // as if it had died
    test_proxy_disconnect(proxy);
    outage("dead");
    test_proxy_refuse(proxy, 0);
    const int64_t back = all.applied;
    assert_true(holds_within(test_patience_ms(), [&] { return all.applied > back + 1'000; }));
    wait_ms(phase);
    const std::set<std::string> wedged = connections_of(server);
    assert_false(wedged.empty());
    test_server_pause(server);  // TCP still acknowledges
    const int64_t accepted = test_proxy_count(proxy).accepted;
    outage("stopped");
    // A silent connection is given up while the server is silent, and made anew ...
    assert_true(test_proxy_wait_accepted(proxy, accepted + 1, test_patience_ms()));
    test_server_resume(server);
    // ... which the server sees as soon as it looks.
    assert_true(holds_within(test_patience_ms(), [&] {
      const std::set<std::string> now = connections_of(server);
      return std::any_of(wedged.begin(), wedged.end(), [&](const std::string &each) { return now.count(each) == 0; });
    }));
    const int64_t applied = all.applied;
    assert_true(holds_within(test_patience_ms(), [&] { return all.applied >= applied + 1'000; }));
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
    if (memory_is_our_own) assert_true(highest - before < int64_t{64} << 20);
    test_proxy_stop(proxy);
  }
  test_server_stop(server);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {cmocka_unit_test(an_outage_under_load)};
  return cmocka_run_group_tests_name("outage", tests, nullptr, nullptr);
}
