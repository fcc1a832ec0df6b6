// threads.cpp: 64 threads that each wait for their own answers.
#include <atomic>
#include <chrono>
#include <thread>

#include "bench.h"
#include "core_of.h"
#include "peers.h"

namespace bench {

sample run_threads(const std::function<void(size_t)> &once) {
  std::atomic<size_t> ready{0};
  std::atomic<bool> go{false};
  std::atomic<bool> over{false};
  std::vector<std::vector<double>> latencies(bench_threads);
  std::vector<std::thread> running;
  running.reserve(bench_threads);
  for (size_t i = 0; i < bench_threads; i++) {
    running.emplace_back([&, i] {
      once(i);
      ready++;
      go.wait(false);
      while (!over.load(std::memory_order_relaxed)) {
        const auto begun = std::chrono::steady_clock::now();
        once(i);
        latencies[i].push_back(
            std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begun).count());
      }
    });
  }
  while (ready.load() < bench_threads) std::this_thread::yield();
  const stopwatch watch(test_server_pid(server()));
  go = true;
  go.notify_all();
  std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<int64_t>(run_ns())));
  over = true;
  for (auto &each : running) each.join();
  std::vector<double> all;
  for (const auto &each : latencies) all.insert(all.end(), each.begin(), each.end());
  sample taken = watch.end(static_cast<double>(all.size()));
  taken.p99_ns = percentile(all, 0.99);
  return taken;
}

namespace {

// Both sides are given what one call is, with the number of the thread that makes it.
sides make(const std::function<void(size_t)> &peer_get) {
  const std::shared_ptr<cachecore> core = open_core(server_url());
  const cachecore_method *get = find(core.get(), "kv.get");
  sides made;
  made.ours = [core, get] { return run_threads([&](size_t) { get_once(core.get(), get); }); };
  made.peer = [peer_get] { return run_threads(peer_get); };
  return made;
}

sides make_against_pool() {
  const auto pool = std::make_shared<peer_pool>(20);
  return make([pool](size_t) { pool->get_once(); });
}

sides make_against_connections() {
  const auto connections = std::make_shared<std::vector<context_ptr>>();
  for (size_t i = 0; i < bench_threads; i++) connections->push_back(connect_peer());
  return make([connections](size_t i) { get_once((*connections)[i].get()); });
}

}  // namespace

std::vector<row> threads_rows() {
  constexpr auto rate = quantity::operations_per_second;
  return {
      {"get.sync64.pool", "20 pooled hiredis", rate, 2.0, 0, false, make_against_pool},
      {"get.sync64.own", "64 own hiredis", rate, 2.0, 0, false, make_against_connections},
      {"get.sync64.pool.pinned", "20 pooled hiredis", rate, 0, 0, true, make_against_pool},
      {"get.sync64.own.pinned", "64 own hiredis", rate, 0, 0, true, make_against_connections},
  };
}

}  // namespace bench
