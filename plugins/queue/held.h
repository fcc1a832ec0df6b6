// held.h: the leases that this process holds, to be renewed by the core's thread while their workers are busy.
//
// A claim adds its jobs, the end of a job (or the news that its lease has ended) removes it. One sleeper (claimers.cpp)
// wakes when the earliest third of a lease has passed; most jobs are over long before, so adding and removing touch the
// map alone.
//
// Thread rule: every function takes the mutex itself. Invariant: `due_` is no later than the earliest renewal.
#pragma once

#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace queue_plugin {

// Leases of one queue and length that are renewed together.
struct renewal {
  std::string queue;
  int64_t lease_ms;
  std::vector<std::string> members;
};

class held {
 public:
  static constexpr int64_t never = std::numeric_limits<int64_t>::max();

  // True: a sleeper has to be started, since none wakes early enough.
  [[nodiscard]] bool add(std::string_view queue, std::string member, int64_t lease_ms, int64_t now_ms);
  void remove(std::string_view queue, const std::string &member);

  // When the sleeper looks next; `never`: it ends.
  [[nodiscard]] int64_t due();
  // What is to be renewed now, at most 500 members each; sets `due`. Nothing when another sleeper took over (`due` is
  // not `expected`).
  [[nodiscard]] std::optional<std::vector<renewal>> take_due(int64_t expected, int64_t now_ms);
  void forget_sleeper();
  [[nodiscard]] size_t count();

 private:
  struct lease {
    int64_t lease_ms;
    int64_t renew_at;
  };
  static std::string name_of(std::string_view queue, std::string_view member);

  std::mutex mutex_;
  std::unordered_map<std::string, lease> leases_;
  int64_t due_ = never;
};

}  // namespace queue_plugin
