// stores.cpp: the plugins against what they hold: entries of the near cache, jobs of a queue, waiters of a lock.
#include <poll.h>

#include <array>
#include <chrono>
#include <random>

#include "scale.h"
#include "tests/bench/bench.h"
#include "tests/bench/core_of.h"

namespace bench {

namespace {

using arguments = std::vector<cachecore_value>;

// Keeps many calls in flight; each is answered before `finish` returns.
class many_calls {
 public:
  explicit many_calls(cachecore *core) : core_(core) {
    cachecore_error error;
    check(cachecore_completions_create(core, &queue_, &error), error, "completions_create");
  }
  many_calls(const many_calls &) = delete;
  many_calls &operator=(const many_calls &) = delete;
  ~many_calls() { cachecore_completions_destroy(queue_); }

  void submit(const cachecore_method *method, const arguments &args, int64_t timeout_ms = 60'000) {
    if (in_flight_ >= most_in_flight) take();
    cachecore_error error;
    check(cachecore_submit(core_, method, args.data(), args.size(), timeout_ms, queue_, 0, nullptr, &error), error,
          "submit");
    in_flight_++;
  }

  void finish() {
    while (in_flight_ > 0) take();
  }

 private:
  static constexpr size_t most_in_flight = 1'000;

  void take() {
    std::array<cachecore_completion, 256> ended{};
    const size_t count = cachecore_completions_drain(queue_, ended.data(), ended.size());
    if (count == 0) {
      pollfd ready{cachecore_completions_fd(queue_), POLLIN, 0};
      poll(&ready, 1, -1);
    }
    for (size_t i = 0; i < count; i++) {
      const cachecore_error *error = cachecore_result_error(ended[i].result);
      if (error != nullptr) test_die("%s", error->message);
      cachecore_result_free(ended[i].result);
    }
    in_flight_ -= count;
  }

  cachecore *core_;
  cachecore_completions *queue_ = nullptr;
  size_t in_flight_ = 0;
};

cachecore_result *call(cachecore *core, const char *method, const arguments &args) {
  cachecore_result *result = nullptr;
  cachecore_error error;
  check(cachecore_call(core, find(core, method), args.data(), args.size(), 60'000, &result, &error), error, method);
  return result;
}

cachecore_value member(const cachecore_value &map, std::string_view name) {
  for (size_t i = 0; i < map.as.map.count; i++) {
    const cachecore_pair &pair = map.as.map.pairs[i];
    if (std::string_view(pair.key.as.bytes.data, pair.key.as.bytes.size) == name) return pair.value;
  }
  test_die("no %s in the answer", std::string(name).c_str());
}

scale_point point_of(const sample &taken, double memory) {
  return {.ns_per_operation = taken.wall_ns / taken.operations,
          .client_cpu_us = taken.client_cpu_ns / taken.operations / 1e3,
          .server_cpu_us = taken.server_cpu_ns / taken.operations / 1e3,
          .memory = memory};
}

// Hits of the near cache, each key as likely as any other: the worst case for the processor's caches.
scale_point by_near_entries(double size) {
  const core_ptr core = open_core(server_url());
  const std::string region = "scale" + std::to_string(static_cast<int64_t>(size));
  const cachecore_pair near[] = {{cachecore_text("max_bytes"), cachecore_int(int64_t{4} << 30)}};
  const cachecore_pair policy[] = {{cachecore_text("l1"), cachecore_map(near, 1)},
                                   {cachecore_text("ttl_ms"), cachecore_int(3'600'000)},
                                   {cachecore_text("codec"), cachecore_text("bytes")}};
  cachecore_result_free(
      call(core.get(), "cache.define", {cachecore_bytes(region.data(), region.size()), cachecore_map(policy, 3)}));
  const cachecore_method *set = find(core.get(), "cache.set");
  const cachecore_method *lookup = find(core.get(), "cache.lookup");
  const std::string value(bench_value_size, 'v');
  const auto entries = static_cast<int64_t>(size);
  const cachecore_value name = cachecore_bytes(region.data(), region.size());
  {
    // One that is read begins the tracking; what is set afterwards is kept near as it is read.
    many_calls calls(core.get());
    for (int64_t i = 0; i < entries; i++) {
      const std::string key = std::to_string(i);
      calls.submit(set, {name, cachecore_bytes(key.data(), key.size()), cachecore_bytes(value.data(), value.size())});
    }
    calls.finish();
  }
  const double before = resident_bytes();
  {
    many_calls calls(core.get());
    for (int64_t i = 0; i < entries; i++) {
      const std::string key = std::to_string(i);
      calls.submit(lookup, {name, cachecore_bytes(key.data(), key.size())});
    }
    calls.finish();
  }
  const double grown = resident_bytes() - before;
  std::minstd_rand random(1);
  const sample taken = run_for_a_while(
      [&](int count) {
        cachecore_error error;
        for (int i = 0; i < count; i++) {
          const std::string key = std::to_string(static_cast<int64_t>(random()) % entries);
          const cachecore_value args[] = {name, cachecore_bytes(key.data(), key.size())};
          cachecore_result *result = nullptr;
          check(cachecore_call(core.get(), lookup, args, 2, 0, &result, &error), error, "cache.lookup");
          cachecore_result_free(result);
        }
      },
      1'000, test_server_pid(server()));
  return point_of(taken, grown);
}

void push_jobs(cachecore *core, const cachecore_value &queue, int64_t count) {
  const std::string payload(bench_value_size, 'j');
  constexpr int64_t at_once = 1'000;
  for (int64_t done = 0; done < count; done += at_once) {
    const arguments jobs(static_cast<size_t>(std::min(at_once, count - done)),
                         cachecore_bytes(payload.data(), payload.size()));
    cachecore_result_free(call(core, "queue.push_many", {queue, cachecore_list(jobs.data(), jobs.size())}));
  }
}

// Pushes, claims and completes one job after the other, while so many others wait, or run.
scale_point by_jobs(double size, bool running) {
  const core_ptr core = open_core(server_url());
  const std::string name = (running ? "running" : "ready") + std::to_string(static_cast<int64_t>(size));
  const cachecore_value queue = cachecore_bytes(name.data(), name.size());
  const cachecore_value queues = cachecore_list(&queue, 1);
  const auto others = static_cast<int64_t>(size);
  push_jobs(core.get(), queue, others);
  constexpr int64_t lease_ms = 600'000;
  for (int64_t claimed = 0; running && claimed < others;) {
    cachecore_result *batch = call(
        core.get(), "queue.claim",
        {queues, cachecore_int(std::min<int64_t>(1'000, others - claimed)), cachecore_int(0), cachecore_int(lease_ms)});
    claimed += static_cast<int64_t>(cachecore_result_value(batch)->as.list.count);
    cachecore_result_free(batch);
  }
  const std::string payload(bench_value_size, 'j');
  const sample taken = run_for_a_while(
      [&](int count) {
        for (int i = 0; i < count; i++) {
          cachecore_result_free(
              call(core.get(), "queue.push", {queue, cachecore_bytes(payload.data(), payload.size())}));
          cachecore_result *claimed =
              call(core.get(), "queue.claim", {queues, cachecore_int(1), cachecore_int(0), cachecore_int(lease_ms)});
          const cachecore_value *jobs = cachecore_result_value(claimed);
          if (jobs->as.list.count != 1) test_die("queue.claim gave no job");
          cachecore_result_free(call(core.get(), "queue.complete", {member(jobs->as.list.items[0], "job")}));
          cachecore_result_free(claimed);
        }
      },
      10, test_server_pid(server()));
  cachecore_result_free(call(core.get(), "queue.purge", {queue}));
  return point_of(taken, 0);
}

// So many wait for one lock, which each gives back as soon as it has it.
scale_point by_waiters(double size) {
  const core_ptr core = open_core(server_url());
  const std::string name = "scale" + std::to_string(static_cast<int64_t>(size));
  const arguments wants = {cachecore_bytes(name.data(), name.size()), cachecore_int(600'000), cachecore_int(600'000)};
  const cachecore_method *acquire = find(core.get(), "lock.acquire");
  const auto waiters = static_cast<size_t>(size);
  cachecore_error error;
  cachecore_completions *queue = nullptr;
  check(cachecore_completions_create(core.get(), &queue, &error), error, "completions_create");
  const auto ask = [&] {
    check(cachecore_submit(core.get(), acquire, wants.data(), wants.size(), 0, queue, 0, nullptr, &error), error,
          "submit");
  };
  const double before = resident_bytes();
  for (size_t i = 0; i < waiters; i++) ask();
  double grown = 0;
  double handed = 0;
  const stopwatch watch(test_server_pid(server()));
  const auto begun = std::chrono::steady_clock::now();
  while (std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begun).count() < 2 * run_ns()) {
    cachecore_completion granted{};
    if (cachecore_completions_drain(queue, &granted, 1) == 0) {
      pollfd ready{cachecore_completions_fd(queue), POLLIN, 0};
      poll(&ready, 1, -1);
      continue;
    }
    if (granted.status != CACHECORE_OK) test_die("%s", cachecore_result_error(granted.result)->message);
    if (handed == 0) grown = resident_bytes() - before;
    cachecore_result_free(call(core.get(), "lock.release", {member(*cachecore_result_value(granted.result), "lock")}));
    cachecore_result_free(granted.result);
    handed++;
    ask();
  }
  const sample taken = watch.end(handed);
  cachecore_completions_destroy(queue);  // the rest leaves
  return point_of(taken, grown);
}

}  // namespace

std::vector<scale_series> scale_of_stores() {
  const std::vector<std::string> queue_methods = {"queue.push_many", "queue.claim", "queue.complete", "queue.purge"};
  return {
      {"scale.near", "entries", {1e3, 1e4, 1e5, 1e6}, by_near_entries, {"cache.define", "cache.lookup"}},
      {"scale.ready",
       "jobs ready",
       {1e2, 1e3, 1e4, 1e5, 1e6},
       [](double size) { return by_jobs(size, false); },
       queue_methods},
      {"scale.running",
       "jobs running",
       {1e2, 1e3, 1e4, 1e5},
       [](double size) { return by_jobs(size, true); },
       queue_methods},
      {"scale.waiters", "waiters", {1, 10, 100, 1'000}, by_waiters, {"lock.acquire", "lock.release"}},
  };
}

}  // namespace bench
