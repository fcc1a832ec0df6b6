// A history of writers, invalidators and readers, and whether each read is explained.
//
// The source is an array of atomic numbers, one a key, that only rise. A writer raises one, to v, and then invalidates
// the key in one of the ways there are; when that has returned OK, at t, no lookup that begins later may be answered
// with less than v:
//
// - of the writer's own core: at once;
// - of another core: once max_stale_ms have passed, since its copies may be behind by that;
// - while connections are cut a core may be without Redis and live on its own loads, so then the bound is what it may
//   keep them for (outage_ttl_ms), what a load takes, and max_stale_ms.
//
// So a reader notes, before it looks up, what has been invalidated for long enough, and compares. Every value is one
// that the source had, or the answer is wrong whatever the time.
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <random>

#include "cache_core.h"
#include "groups.h"
#include "tests/support/unit.h"

namespace {

using namespace cache_test;

constexpr int key_count = 6;
constexpr int core_count = 3;
constexpr int64_t max_stale_ms = 1'000;
constexpr int64_t outage_ttl_ms = 200;
// What a history needs to say anything.
constexpr int64_t least_reads = 500;
constexpr int64_t least_writes = 20;

// A load reads the source at once; the rest is a thread that is not run.
constexpr int64_t longest_load_ms = 1'500;

struct history {
  struct key_state {
    std::atomic<int64_t> source{0};
    std::mutex mutex;
    std::deque<std::pair<int64_t, int64_t>> invalidated;  // when, and what was the source's before
    int64_t settled = 0;                                  // by all cores
    std::array<std::atomic<int64_t>, core_count> own{};   // by the core itself
  };

  explicit history(int64_t bound) : bound_ms(bound) {}

  const int64_t bound_ms;
  std::array<key_state, key_count> keys;
  std::atomic<int64_t> reads{0};
  std::atomic<int64_t> writes{0};
  std::atomic<int64_t> wrong{0};
  std::atomic<bool> done{false};

  void invalidated(int key, int core, int64_t version) {
    key_state &state = keys[static_cast<size_t>(key)];
    std::atomic<int64_t> &own = state.own[static_cast<size_t>(core)];
    for (int64_t now = own; now < version && !own.compare_exchange_weak(now, version);) {
    }
    const std::lock_guard lock(state.mutex);
    state.invalidated.emplace_back(test_now_ms(), version);
  }

  // The least that a lookup that begins now may be answered with.
  int64_t least(int key, int core) {
    key_state &state = keys[static_cast<size_t>(key)];
    const int64_t long_enough = test_now_ms() - bound_ms;
    const std::lock_guard lock(state.mutex);
    while (!state.invalidated.empty() && state.invalidated.front().first < long_enough) {
      state.settled = std::max(state.settled, state.invalidated.front().second);
      state.invalidated.pop_front();
    }
    return std::max(state.settled, state.own[static_cast<size_t>(core)].load());
  }
};

void read(history &all, const cache_core &core, int number, int key) {
  const int64_t least = all.least(key, number);
  const outcome came = core.lookup("r", "key" + std::to_string(key), 2'000);
  int64_t got = 0;
  if (came.state == "load") {
    got = all.keys[static_cast<size_t>(key)].source;
    const std::string tag_name = "tag" + std::to_string(key);
    const cachecore_value tag = text(tag_name);
    (void)core.call("store", {text(came.lease), cachecore_int(got), cachecore_nil(), cachecore_list(&tag, 1)});
  } else if (came.state == "hit") {
    got = std::stoll(came.value);
  } else {
    return;  // it could not be answered in time; promises nothing
  }
  all.reads++;
  if (got >= least && got <= all.keys[static_cast<size_t>(key)].source) return;
  all.wrong++;
  print_error("core %d read %lld of key %d, at least %lld (source %lld)\n", number, static_cast<long long>(got), key,
              static_cast<long long>(least), static_cast<long long>(all.keys[static_cast<size_t>(key)].source.load()));
}

void write(history &all, const cache_core &core, int number, int key, unsigned how) {
  const int64_t version = ++all.keys[static_cast<size_t>(key)].source;
  const std::string name = "key" + std::to_string(key);
  outcome came;
  if (how % 4 == 0) came = core.call("delete", {text("r"), text(name)}, 2'000);
  if (how % 4 == 1) came = core.call("invalidate", {text("r"), text(name + "*")}, 2'000);
  if (how % 4 == 2) came = core.call("invalidate_tag", {text("r"), text("tag" + std::to_string(key))}, 2'000);
  if (how % 4 == 3) came = core.call("clear", {text("r")}, 2'000);
  all.writes++;
  if (came.status == CACHECORE_OK) all.invalidated(key, number, version);
}

int64_t length_ms() {
  const char *length = getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::string(length) == "long" ? 300'000 : 2'000;
}

unsigned seed() {
  const char *given = getenv("CACHECORE_TEST_SEED");
  const unsigned chosen = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
  print_message("CACHECORE_TEST_SEED=%u\n", chosen);
  return chosen;
}

void run(bool with_faults) {
  const unsigned chosen = seed();
  test_server *server = test_server_start(nullptr, nullptr);
  std::array<test_proxy *, core_count> proxies{};
  history all(with_faults ? max_stale_ms + outage_ttl_ms + longest_load_ms : max_stale_ms);
  {
    std::vector<std::unique_ptr<cache_core>> cores;
    for (int i = 0; i < core_count; i++) {
      test_proxy *proxy = proxies[static_cast<size_t>(i)] = test_proxy_start(server);
      cores.push_back(std::make_unique<cache_core>(test_proxy_url(proxy), R"({"redis_timeout_ms": 100})"));
      const near_fields l1(max_stale_ms);
      cores.back()->define("r", {{"l1", l1.map()},
                                 {"distributed", truth(i > 0)},
                                 {"load_timeout_ms", number(longest_load_ms)},
                                 {"outage_ttl_ms", number(outage_ttl_ms)}});
    }
    const int64_t ends_at = test_now_ms() + length_ms();
    // Two threads a core, and one that cuts.
    on_threads(2 * core_count + 1, [&](int thread) {
      std::mt19937 random(chosen + static_cast<unsigned>(thread));
      const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
      if (thread == 2 * core_count) {
        // A busy machine takes longer for as many, but not for ever.
        const auto enough = [&] { return all.reads > least_reads && all.writes > least_writes; };
        const int64_t gives_up_at = ends_at + test_patience_ms();
        while (test_now_ms() < ends_at || (!enough() && test_now_ms() < gives_up_at)) {
          usleep(20'000 + below(80'000));
          if (!with_faults) continue;
          test_proxy *proxy = proxies[below(core_count)];
          const unsigned fault = below(4);
          if (fault == 0) test_proxy_disconnect(proxy);
          if (fault == 1) test_proxy_delay(proxy, TEST_TO_CLIENT, 5);
          if (fault == 2) test_proxy_hold(proxy, TEST_TO_CLIENT, 1);
          if (fault == 3) test_proxy_refuse(proxy, 1);
          usleep(20'000 + below(150'000));
          test_proxy_clear(proxy);
        }
        all.done = true;
        return;
      }
      const int number = thread / 2;
      const cache_core &core = *cores[static_cast<size_t>(number)];
      while (!all.done) {
        const int key = static_cast<int>(below(key_count));
        if (below(20) == 0) {
          write(all, core, number, key, below(4));
        } else {
          read(all, core, number, key);
        }
        usleep(below(600));
      }
    });
  }
  print_message("%lld reads, %lld writes\n", static_cast<long long>(all.reads), static_cast<long long>(all.writes));
  assert_int_equal(all.wrong, 0);
  assert_true(all.reads > least_reads && all.writes > least_writes);
  for (test_proxy *each : proxies) test_proxy_stop(each);
  test_server_stop(server);
}

void every_read_is_explained(void **) { run(false); }
void every_read_is_explained_while_connections_are_cut(void **) { run(true); }

}  // namespace

int history_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_read_is_explained),
      cmocka_unit_test(every_read_is_explained_while_connections_are_cut),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
