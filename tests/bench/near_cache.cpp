// near_cache.cpp: the near cache's data structure by itself: hit ratios, bytes, and a hit without what is around it.
#include <algorithm>
#include <cmath>
#include <random>
#include <thread>

#include "bench.h"
#include "bindings/cli/simulate/policy.h"
#include "plugins/cache/l1/hash.h"
#include "plugins/cache/l1/l1.h"
#include "tests/l1/workloads.h"

namespace bench {

namespace {

using cache_plugin::copy_facts;
using cache_plugin::copy_view;
using cache_plugin::near_cache;
using cache_plugin::near_hash;

constexpr size_t ratio_capacity = 1'000;
constexpr size_t turns = 600;  // requests for each object of the capacity
constexpr double in_ten_thousand = 10'000;

double hits_of(const char *policy, const std::vector<uint64_t> &requests) {
  const auto cache = simulate::find_policy(policy)->make({ratio_capacity, true});
  size_t hits = 0;
  for (const uint64_t id : requests) hits += cache->request(id, 1) ? 1 : 0;
  return in_ten_thousand * static_cast<double>(hits) / static_cast<double>(requests.size());
}

// The peer is what must at least be reached: so many points below the best of `peers`.
row ratio_row(const std::string &name, workloads::workload (*make)(size_t, size_t), std::vector<const char *> peers,
              double points_below, const std::string &peer_name) {
  return {.name = name, .peer_name = peer_name, .measures = quantity::hits, .target = 1, .make = [=]() -> sides {
            const auto trace = std::make_shared<workloads::workload>(make(ratio_capacity, ratio_capacity * turns));
            const auto ours = [trace] { return sample{.operations = hits_of("l1", trace->requests)}; };
            const auto theirs = [trace, peers, points_below] {
              double best = 0;
              for (const char *peer : peers) best = std::max(best, hits_of(peer, trace->requests));
              return sample{.operations = std::max(best - points_below * in_ten_thousand / 100, 1.0)};
            };
            return {ours, theirs, trace};
          }};
}

std::string key_of(size_t number) { return "user:profile:" + std::to_string(1'000'000 + number); }

void fill(near_cache &l1, size_t entries, size_t value_size) {
  const std::string value(value_size, 'v');
  copy_facts facts;
  facts.fresh_until_ms = facts.stale_until_ms = 1'000'000;
  for (size_t i = 0; i < entries; i++) {
    const std::string key = key_of(i);
    const uint64_t hash = near_hash(key, 1);
    if (l1.put(key, hash, facts, value, l1.expect(hash), 0) != near_cache::outcome::kept)
      test_die("the near cache refused a copy");
  }
}

row memory_row(const char *name, size_t entries) {
  return {.name = name,
          .peer_name = "96 bytes an entry beyond key and value",
          .measures = quantity::bytes,
          .target = 1,
          .budget = 96,
          .make = [entries]() -> sides {
            return {[entries] {
                      near_cache l1({.max_bytes = size_t{1} << 30});
                      fill(l1, entries, bench_value_size);
                      const size_t content = entries * (key_of(0).size() + bench_value_size);
                      return sample{.operations =
                                        static_cast<double>(l1.now().bytes - content) / static_cast<double>(entries)};
                    },
                    nullptr, nullptr};
          }};
}

struct found_often {
  found_often(size_t entries, size_t threads) : l1({.max_bytes = entries * 280 + (size_t{1} << 20)}) {
    fill(l1, entries, bench_value_size);
    for (size_t i = 0; i < entries; i++) keys.push_back(key_of(i));
    const workloads::zipf popular(entries, 0.99);
    for (size_t i = 0; i < threads; i++) {
      std::mt19937_64 random(i);
      std::vector<uint32_t> &order = orders.emplace_back();
      // Neighbours in popularity are not neighbours in memory.
      for (int k = 0; k < 1 << 18; k++) {
        order.push_back(static_cast<uint32_t>(popular(random) * 2'654'435'761 % entries));
      }
    }
  }

  void run(const std::vector<uint32_t> &order) {
    char out[bench_value_size];
    for (const uint32_t number : order) {
      const std::string &key = keys[number];
      const bool hit = l1.find(key, near_hash(key, 1), [&](const copy_view &copy) {
        std::memcpy(out, copy.value().data(), sizeof(out));
        __asm__ volatile("" : : "r"(out) : "memory");
        return true;
      });
      if (!hit) test_die("the near cache lost a copy");
    }
  }

  sample measure(size_t threads) {
    const stopwatch watch(0);
    std::vector<std::thread> started;
    started.reserve(threads);
    for (size_t i = 0; i < threads; i++) started.emplace_back([this, i] { run(orders[i]); });
    for (std::thread &each : started) each.join();
    return watch.end(static_cast<double>(threads * orders[0].size()));
  }

  near_cache l1;
  std::vector<std::string> keys;
  std::vector<std::vector<uint32_t>> orders;
};

row find_row(const char *name, size_t entries, double budget_ns) {
  return {.name = name,
          .peer_name = "a budget; the copied value included",
          .measures = quantity::ns_per_operation,
          .budget = budget_ns,
          .make = [entries]() -> sides {
            const auto cache = std::make_shared<found_often>(entries, 1);
            return {[cache] { return cache->measure(1); }, nullptr, cache};
          }};
}

row threads_row(const char *name, size_t entries) {
  return {.name = name,
          .peer_name = "one thread",
          .measures = quantity::operations_per_second,
          .target = 1.8,
          .make = [entries]() -> sides {
            const auto cache = std::make_shared<found_often>(entries, 2);
            return {[cache] { return cache->measure(2); }, [cache] { return cache->measure(1); }, cache};
          }};
}

}  // namespace

std::vector<row> near_cache_rows() {
  using maker = workloads::workload (*)(size_t, size_t);
  constexpr std::pair<const char *, maker> traces[] = {{"zipf", workloads::zipfian},
                                                       {"scan", workloads::scanning},
                                                       {"loop", workloads::looping},
                                                       {"shifting", workloads::shifting}};
  std::vector<row> rows;
  for (const auto &[name, make] : traces) {
    rows.push_back(ratio_row(std::string("l1.ratio.") + name, make, {"lru", "lfu", "sieve", "s3fifo"}, 3,
                             "3 points below the best of LRU, LFU, SIEVE and S3-FIFO"));
    rows.push_back(ratio_row(std::string("l1.ratio.") + name + ".lru", make, {"lru"}, 1, "1 point below LRU"));
  }
  rows.push_back(memory_row("l1.memory", 100'000));
  rows.push_back(find_row("l1.find.10k", 10'000, 100));
  rows.push_back(find_row("l1.find.100k", 100'000, 200));
  rows.push_back(threads_row("l1.find.threads", 10'000));
  return rows;
}

}  // namespace bench
