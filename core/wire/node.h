// node.h: the connections to one server.
//
// Up to four shared lanes carry everything that neither blocks nor changes a connection's state; scripts of users and
// commands the core does not know have a lane of their own; blocking commands and leases take exclusive connections out
// of what is left of max_connections. One connection belongs to subscriptions.
//
// Which shared lane: submitted and background work uses the first (one send a turn carries it all); a blocking caller
// the first one while few are at it, beyond that one by its number, so that a reader and a writer of each lane can work
// at the same time.
//
// A circuit breaker: after three dials in a row that failed, requests are refused at once, with the reason, but for one
// trial at a time, whose interval grows to a second with jitter.
//
// Thread rule: any thread, but what is marked [loop].
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/wire/dial.h"
#include "core/wire/lane.h"

namespace cachecore_internal {

// An exclusive connection in somebody's hands. Lives in the memory of the wait that granted it.
struct lease {
  lease *next = nullptr;  // of the same invocation
  int64_t id = 0;
  lane *line = nullptr;
};

// Waits for an exclusive connection.
struct lease_wait final : wait {
  node *server = nullptr;
  lease_wait *next_waiting = nullptr;
  lease granted;
};

class router;
class replica_group;

class node {
 public:
  node(engine &owner, router &routes, dial_target target);
  ~node();
  node(const node &) = delete;
  node &operator=(const node &) = delete;

  // Gives a chain of requests of one invocation to the lanes.
  void add(invocation &owner, request *first) noexcept;

  // Begins to wait for an exclusive connection; the answer is an INT, its id.
  void begin_lease(invocation &owner, cachecore_continuation then, void *state);
  static lease *find_lease(invocation &owner, int64_t id) noexcept;
  static void end_lease(invocation &owner, int64_t id, bool clean) noexcept;
  static void end_leases(invocation &owner) noexcept;

  void dial(lane &for_lane) noexcept;
  [[nodiscard]] static int64_t backoff_ns(uint32_t refusals) noexcept;  // exponential, full jitter
  [[nodiscard]] int64_t busy_poll_us() const noexcept;
  [[nodiscard]] std::string display() const { return dialer_.display(); }
  [[nodiscard]] dialer &dials() noexcept { return dialer_; }
  [[nodiscard]] const host_port &address() const noexcept { return dialer_.target().where; }

  // [loop] What came of a dial.
  void note_dialed(const dial_outcome &outcome) noexcept;
  // Not shut off by the breaker.
  [[nodiscard]] bool is_trusted() const noexcept { return refusals_.load(std::memory_order_relaxed) < breaker_limit; }
  [[nodiscard]] bool is_connected() const noexcept;

  // [loop] Closes the shared lanes on which an answer is overdue by this time: what waits there is asked elsewhere.
  void fail_stalled(int64_t read_deadline_ns) noexcept;

  // The group of replicas it is the master or a member of; null where reads go to masters alone.
  [[nodiscard]] replica_group *replicas() const noexcept { return replicas_.load(std::memory_order_acquire); }
  void set_replicas(replica_group *group) noexcept { replicas_.store(group, std::memory_order_release); }

  void shut(cachecore_status reason) noexcept;
  [[nodiscard]] bool is_torn_down() noexcept;  // after the dialer was cancelled
  void abandon() noexcept { dialer_.abandon(); }

  struct figures {
    size_t connections = 0, leased = 0, waiting = 0;
  };
  [[nodiscard]] figures count() noexcept;

 private:
  static constexpr size_t shared_lanes = 4;
  static constexpr uint32_t breaker_limit = 3;

  static cachecore_status abandon_lease(wait *self, cachecore_status reason) noexcept;
  lane &choose(const invocation &owner, const request &chosen_for) noexcept;
  void grant(lease_wait *to, std::unique_ptr<lane> line) noexcept;
  void give_back(lane *line, bool reusable) noexcept;
  void start_watch() noexcept;

  [[nodiscard]] bool may_try(const lane &chosen) noexcept;
  void refuse(request *first) noexcept;

  engine &engine_;
  router &router_;
  dialer dialer_;
  std::atomic<replica_group *> replicas_{nullptr};
  std::atomic<uint32_t> refusals_{0};      // dials in a row that failed
  std::atomic<int64_t> refused_until_{0};  // when the next trial may be
  std::string refusal_;                    // the last one's reason, under the mutex
  std::array<std::unique_ptr<lane>, shared_lanes> shared_;
  std::unique_ptr<lane> isolated_;

  std::mutex mutex_;
  std::vector<std::unique_ptr<lane>> idle_;  // exclusive, clean
  std::vector<std::unique_ptr<lane>> leased_;
  std::vector<std::unique_ptr<lane>> retired_;  // closing; freed by the loop when torn down
  lease_wait *first_waiting_ = nullptr;
  lease_wait **last_waiting_ = &first_waiting_;
  size_t waiting_ = 0;
  int64_t next_lease_ = 1;
  bool shut_ = false;

  struct watch_timer : timer_entry {
    node *server = nullptr;
  };
  watch_timer watch_;  // [loop] looks for connections that answer nothing, frees retired ones
  std::atomic<bool> watching_{false};
};

}  // namespace cachecore_internal
