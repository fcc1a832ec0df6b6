// calls.cpp: the core alone: callers, requests in flight, sizes of values.
#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "scale.h"
#include "tests/bench/bench.h"
#include "tests/bench/core_of.h"

namespace bench {

namespace {

scale_point point_of(const sample &taken, double memory) {
  return {.ns_per_operation = taken.wall_ns / taken.operations,
          .client_cpu_us = taken.client_cpu_ns / taken.operations / 1e3,
          .server_cpu_us = taken.server_cpu_ns / taken.operations / 1e3,
          .memory = memory};
}

scale_point by_threads(double size) {
  const core_ptr core = open_core(server_url());
  const cachecore_method *get = find(core.get(), "kv.get");
  get_once(core.get(), get);
  const double before = resident_bytes();
  std::atomic<bool> over{false};
  std::atomic<int64_t> done{0};
  std::vector<std::thread> callers;
  const stopwatch watch(test_server_pid(server()));
  callers.reserve(static_cast<size_t>(size));
  for (int i = 0; i < static_cast<int>(size); i++) {
    callers.emplace_back([&] {
      int64_t mine = 0;
      for (; !over.load(std::memory_order_relaxed); mine++) get_once(core.get(), get);
      done += mine;
    });
  }
  std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<int64_t>(2 * run_ns())));
  const double grown = resident_bytes() - before;
  over = true;
  for (std::thread &each : callers) each.join();
  return point_of(watch.end(static_cast<double>(done.load())), grown);
}

scale_point by_window(double size) {
  const auto window = static_cast<size_t>(size);
  const core_ptr core = open_core(server_url());
  const cachecore_method *get = find(core.get(), "kv.get");
  get_once(core.get(), get);
  cachecore_error error;
  cachecore_completions *queue = nullptr;
  check(cachecore_completions_create(core.get(), &queue, &error), error, "completions_create");
  const cachecore_value key = cachecore_bytes(bench_key.data(), bench_key.size());
  const double before = resident_bytes();
  const stopwatch watch(test_server_pid(server()));
  const auto begun = std::chrono::steady_clock::now();
  double done = 0;
  size_t in_flight = 0;
  bool ends = false;
  while (!ends || in_flight > 0) {
    for (; !ends && in_flight < window; in_flight++) {
      check(cachecore_submit(core.get(), get, &key, 1, 0, queue, 0, nullptr, &error), error, "submit");
    }
    std::array<cachecore_completion, 256> ended{};
    const size_t count = cachecore_completions_drain(queue, ended.data(), ended.size());
    if (count == 0) {
      pollfd ready{cachecore_completions_fd(queue), POLLIN, 0};
      poll(&ready, 1, -1);
    }
    for (size_t i = 0; i < count; i++) {
      if (ended[i].status != CACHECORE_OK) test_die("kv.get failed");
      cachecore_result_free(ended[i].result);
    }
    in_flight -= count;
    done += static_cast<double>(count);
    ends = ends ||
           std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begun).count() >= 2 * run_ns();
  }
  const sample taken = watch.end(done);
  const double grown = resident_bytes() - before;
  cachecore_completions_destroy(queue);
  return point_of(taken, grown);
}

scale_point by_value_size(double size) {
  const core_ptr core = open_core(server_url());
  const cachecore_method *get = find(core.get(), "kv.get");
  const std::string value(static_cast<size_t>(size), 'v');
  const cachecore_value args[] = {cachecore_text("bench:sized"), cachecore_bytes(value.data(), value.size())};
  cachecore_error error;
  check(cachecore_call(core.get(), find(core.get(), "kv.set"), args, 2, 0, nullptr, &error), error, "kv.set");
  const double before = resident_bytes();
  const sample taken = run_for_a_while(
      [&](int count) {
        for (int i = 0; i < count; i++) {
          cachecore_result *result = nullptr;
          check(cachecore_call(core.get(), get, args, 1, 0, &result, &error), error, "kv.get");
          if (cachecore_result_value(result)->as.bytes.size != value.size()) test_die("a wrong value");
          cachecore_result_free(result);
        }
      },
      10, test_server_pid(server()));
  return point_of(taken, resident_bytes() - before);
}

}  // namespace

std::vector<scale_series> scale_of_calls() {
  return {
      {"scale.threads", "threads", {1, 2, 4, 8, 16, 32, 64, 128, 256}, by_threads, {"kv.get"}},
      {"scale.window", "requests in flight", {1, 4, 16, 64, 256, 1'024, 4'096}, by_window, {"kv.get"}},
      {"scale.value", "bytes", {16, 256, 4'096, 65'536, 1'048'576, 4'194'304}, by_value_size, {"kv.get"}},
  };
}

}  // namespace bench
