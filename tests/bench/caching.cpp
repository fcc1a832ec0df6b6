// caching.cpp: a hit in the process' copies, and a stampede.
#include <cachecore/cache.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>

#include "bench.h"
#include "core_of.h"

namespace bench {

namespace {

constexpr const char *region = "bench";

core_ptr open_near(bool distributed) {
  core_ptr core = open_core(server_url());
  const cachecore_pair l1 = {cachecore_text("max_bytes"), cachecore_int(int64_t{256} << 20)};
  const cachecore_pair fields[] = {{cachecore_text("l1"), cachecore_map(&l1, 1)},
                                   {cachecore_text("distributed"), cachecore_bool(distributed ? 1 : 0)}};
  cachecore_error error;
  check(cachecore_cache_define(core.get(), region, fields, 2, &error), error, "cache.define");
  return core;
}

// Keys that are all copied, and the order in which a zipf law asks for them.
struct hits {
  explicit hits(int count) : core(open_near(false)), lookup(find(core.get(), "cache.lookup")) {
    const std::string value(bench_value_size, 'v');
    cachecore_error error;
    for (int i = 0; i < count; i++) {
      keys.push_back("key:" + std::to_string(i));
      check(cachecore_cache_set(core.get(), region, keys.back().c_str(), cachecore_text(value.c_str()), 0, &error),
            error, "cache.set");
    }
    std::vector<double> sums;
    double sum = 0;
    for (int i = 1; i <= count; i++) sums.push_back(sum += 1 / static_cast<double>(i));
    std::mt19937 random(1);
    std::uniform_real_distribution<double> drawn(0, sum);
    for (int i = 0; i < 1 << 18; i++) {
      const auto at = std::lower_bound(sums.begin(), sums.end(), drawn(random)) - sums.begin();
      order.push_back(std::min<size_t>(static_cast<size_t>(at), keys.size() - 1));
    }
    for (int round = 0; round < 2; round++) {
      for (size_t i = 0; i < keys.size(); i++) ask(i);
    }
  }

  void ask(size_t key) const {
    const cachecore_value args[] = {cachecore_text(region), cachecore_bytes(keys[key].data(), keys[key].size())};
    cachecore_result *result = nullptr;
    if (cachecore_call(core.get(), lookup, args, 2, 0, &result, nullptr) != CACHECORE_OK)
      test_die("cache.lookup failed");
    cachecore_result_free(result);
  }

  void ask_many(int count, size_t from) const {
    for (size_t i = 0; i < static_cast<size_t>(count); i++) ask(order[(from + i) % order.size()]);
  }

  core_ptr core;
  const cachecore_method *lookup;
  std::vector<std::string> keys;
  std::vector<size_t> order;
};

sides make_hits(int count) {
  const auto all = std::make_shared<hits>(count);
  const auto at = std::make_shared<size_t>(0);
  return {[all, at] {
            return run_for_a_while(
                [&](int batch) {
                  all->ask_many(batch, *at);
                  *at += static_cast<size_t>(batch);
                },
                1000, 0);
          },
          nullptr, all};
}

// Two threads beside one that does as much: ours has twice the operations.
sides make_two_threads() {
  const auto all = std::make_shared<hits>(10'000);
  constexpr int each = 200'000;
  const auto run = [all](size_t threads) {
    const stopwatch watch(0);
    std::vector<std::thread> running;
    running.reserve(threads);
    for (size_t i = 0; i < threads; i++) running.emplace_back([all, i] { all->ask_many(each, i * 7'919); });
    for (std::thread &one : running) one.join();
    return watch.end(static_cast<double>(threads) * each);
  };
  return {[run] { return run(2); }, [run] { return run(1); }, all};
}

// 4 cores, each as a process of its own would be, and 250 lookups of a key that nobody has on each.
struct herd {
  static constexpr size_t core_count = 4;
  static constexpr uint64_t lookups = 250;
  static constexpr auto load_time = std::chrono::milliseconds(50);

  herd() {
    for (size_t i = 0; i < core_count; i++) cores.push_back(open_near(true));
  }

  // How long each lookup took, in ns. Ends the bench when there was not exactly one load.
  std::vector<double> run() {
    const std::string key = "herd" + std::to_string(++rounds);
    std::vector<std::vector<double>> took(core_count);
    std::vector<int> loads(core_count);
    std::vector<std::thread> threads;
    threads.reserve(core_count);
    for (size_t i = 0; i < core_count; i++) {
      threads.emplace_back([&, i] { loads[i] = stampede(cores[i].get(), key, took[i]); });
    }
    for (std::thread &one : threads) one.join();
    int sum = 0;
    std::vector<double> all;
    for (size_t i = 0; i < core_count; i++) {
      sum += loads[i];
      all.insert(all.end(), took[i].begin(), took[i].end());
    }
    if (sum != 1) test_die("%d loads of one key", sum);
    return all;
  }

  static int stampede(cachecore *core, const std::string &key, std::vector<double> &took) {
    using clock = std::chrono::steady_clock;
    const cachecore_method *const lookup = find(core, "cache.lookup");
    cachecore_completions *queue = nullptr;
    cachecore_error error;
    check(cachecore_completions_create(core, &queue, &error), error, "completions");
    const cachecore_value args[] = {cachecore_text(region), cachecore_text(key.c_str())};
    const auto begun = clock::now();
    for (uint64_t i = 0; i < lookups; i++) {
      uint64_t operation = 0;
      check(cachecore_submit(core, lookup, args, 2, 0, queue, i, &operation, &error), error, "submit");
    }
    int loads = 0;
    while (took.size() < lookups) {
      pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
      if (poll(&readable, 1, 30'000) <= 0) test_die("a lookup does not end");
      cachecore_completion done[64];
      const size_t count = cachecore_completions_drain(queue, done, 64);
      for (size_t i = 0; i < count; i++) {
        const cachecore_value *lease = cachecore_cache_lease(done[i].result);
        if (done[i].status != CACHECORE_OK) test_die("a lookup failed");
        if (lease->kind == CACHECORE_BYTES) {
          loads++;
          std::this_thread::sleep_for(load_time);
          check(cachecore_cache_store(core, lease, cachecore_text("value"), 0, nullptr, &error), error, "cache.store");
        }
        took.push_back(std::chrono::duration<double, std::nano>(clock::now() - begun).count());
        cachecore_result_free(done[i].result);
      }
    }
    cachecore_completions_destroy(queue);
    return loads;
  }

  std::vector<core_ptr> cores;
  int rounds = 0;
};

sides make_stampede() {
  const auto all = std::make_shared<herd>();
  return {[all] {
            const stopwatch watch(test_server_pid(server()));
            std::vector<double> took = all->run();
            sample measured = watch.end(static_cast<double>(took.size()));
            measured.p99_ns = percentile(took, 0.99);
            measured.wall_ns = measured.p99_ns * measured.operations;
            return measured;
          },
          nullptr, all};
}

}  // namespace

std::vector<row> caching_rows() {
  return {
      {"l1.hit.1e4", "budget 150 ns", quantity::ns_per_operation, 1.0, 150, true, [] { return make_hits(10'000); }},
      {"l1.hit.1e5", "budget 250 ns", quantity::ns_per_operation, 1.0, 250, true, [] { return make_hits(100'000); }},
      {"l1.hit.threads", "one thread", quantity::operations_per_second, 1.8, 0, false, make_two_threads},
      {"stampede", "budget 70 ms (p99)", quantity::ns_per_operation, 1.0, 70e6, false, make_stampede},
  };
}

}  // namespace bench
