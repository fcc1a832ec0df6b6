// locks.cpp: what a lock costs, in GETs of the same core.
//
// `lock.cycle` is one caller who takes a free lock and gives it back; `lock.handover` is 16 threads who wait for one
// name, in grants: the time from one to the next against that of a GET, which is a round trip. Nothing is done while
// the lock is held.
#include <atomic>
#include <chrono>
#include <thread>

#include "bench.h"
#include "core_of.h"

namespace bench {

namespace {

constexpr size_t waiters = 16;

class locker {
 public:
  explicit locker(cachecore *core)
      : core_(core), acquire_(find(core, "lock.acquire")), release_(find(core, "lock.release")) {}

  void cycle(int64_t wait_ms) const {
    const cachecore_value wanted[] = {cachecore_text("bench:lock"), cachecore_int(30'000), cachecore_int(wait_ms)};
    cachecore_result *granted = nullptr;
    cachecore_error error;
    check(cachecore_call(core_, acquire_, wanted, 3, 0, &granted, &error), error, "lock.acquire");
    const cachecore_value lock = cachecore_result_value(granted)->as.map.pairs[0].value;
    check(cachecore_call(core_, release_, &lock, 1, 0, nullptr, &error), error, "lock.release");
    cachecore_result_free(granted);
  }

 private:
  cachecore *core_;
  const cachecore_method *acquire_;
  const cachecore_method *release_;
};

side get_side(const std::shared_ptr<cachecore> &core) {
  const cachecore_method *get = find(core.get(), "kv.get");
  return [core, get] {
    return run_for_a_while(
        [&](int count) {
          for (int i = 0; i < count; i++) get_once(core.get(), get);
        },
        100, test_server_pid(server()));
  };
}

sides make_cycle() {
  const std::shared_ptr<cachecore> core = open_core(server_url());
  sides made;
  made.ours = [core, locks = locker(core.get())] {
    return run_for_a_while(
        [&](int count) {
          for (int i = 0; i < count; i++) locks.cycle(0);
        },
        100, test_server_pid(server()));
  };
  made.peer = get_side(core);
  return made;
}

sample hand_over(const locker &locks) {
  std::atomic<bool> over{false};
  std::atomic<int64_t> grants{0};
  std::vector<std::thread> threads;
  threads.reserve(waiters);
  const stopwatch watch(test_server_pid(server()));
  for (size_t i = 0; i < waiters; i++) {
    threads.emplace_back([&] {
      while (!over.load(std::memory_order_relaxed)) {
        locks.cycle(60'000);
        grants++;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<int64_t>(run_ns())));
  over = true;
  for (auto &each : threads) each.join();
  return watch.end(static_cast<double>(grants.load()));
}

sides make_handover() {
  const std::shared_ptr<cachecore> core = open_core(server_url());
  sides made;
  made.ours = [core, locks = locker(core.get())] { return hand_over(locks); };
  made.peer = get_side(core);
  return made;
}

}  // namespace

std::vector<row> lock_rows() {
  constexpr auto rate = quantity::operations_per_second;
  return {
      {"lock.cycle", "kv.get", rate, 0.45, 0, true, make_cycle},
      {"lock.cycle.unpinned", "kv.get", rate, 0, 0, false, make_cycle},
      {"lock.handover", "kv.get", rate, 0.6, 0, true, make_handover},
      {"lock.handover.unpinned", "kv.get", rate, 0, 0, false, make_handover},
  };
}

}  // namespace bench
