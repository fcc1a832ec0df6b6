// replica_reads.h: which replicas may answer a read, and how old their answers may be.
//
// The problem: a replica is behind its master by an unknown time, and says so only in offsets; its own "seconds since
// the last byte" tell nothing about what it has applied. The choice: the core proves freshness itself. At a moment T it
// asks the master for its offset, later the replica for its own. A replica that has applied an offset of the same
// history that the master had when it answered, has everything the master acknowledged before T. T is the replica's
// proof. A read goes to a replica only while its proof is at most `max_staleness_ms` old; so the answer holds
// everything that had been acknowledged max_staleness_ms before the call. Without a proof the master is asked, also
// when a replica fails to answer. Rejected: WAIT (a cost for every write), timestamps written as keys (writes to the
// application's data).
//
// The replicas of a master are those it names itself, with their addresses as it sees them.
//
// What is not promised: that a later read sees what an earlier one saw (another replica may answer), or that a process
// reads what it wrote. A failover may lose what the master had acknowledged, as everywhere.
//
// Cost: INFO replication at each master and replica, every max_staleness_ms / 4 (5 ms at least, 250 ms at most), while
// there are reads; after 5 s without one it stops.
//
// Thread rule: choose and doubt on any thread; the rest, and whatever is not atomic, is the loop's.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "core/runtime/loop.h"
#include "core/topology/replication_info.h"

namespace cachecore_internal {

class engine;
class node;
class router;

// The replicas of one master.
class replica_group {
 public:
  struct replica {
    node *at = nullptr;
    std::atomic<int64_t> proven{0};  // boot_ns(); 0: nothing is known
    bool asked = false;              // an answer is outstanding
  };
  using list = std::vector<replica *>;

 private:
  friend class replica_reads;
  struct sample {
    int64_t taken = 0;
    int64_t offset = 0;
  };

  node *master_ = nullptr;
  bool asked_ = false;
  std::string history_;
  std::array<sample, 16> samples_;  // a ring; `taken` 0: empty
  size_t next_sample_ = 0;
  std::map<node *, std::unique_ptr<replica>> known_;
  std::vector<std::unique_ptr<list>> lists_;  // every list that was ever current: readers hold no lock
  std::atomic<const list *> current_{nullptr};
  std::atomic<uint32_t> turn_{0};
};

class replica_reads {
 public:
  replica_reads(engine &owner, router &routes, int64_t max_staleness_ms) noexcept;
  ~replica_reads();
  replica_reads(const replica_reads &) = delete;
  replica_reads &operator=(const replica_reads &) = delete;

  // A replica of this master that is fresh enough; null: none is known.
  [[nodiscard]] node *choose(node &master) noexcept;
  // It did not answer: nothing is known of it any more.
  void doubt(const node &replica) noexcept;
  void end() noexcept;  // [loop] at the engine's end

 private:
  struct question;
  struct tick_timer : timer_entry {
    replica_reads *owner = nullptr;
  };

  void start() noexcept;
  void tick() noexcept;
  void ask(replica_group &group, replica_group::replica *asked) noexcept;
  void master_answered(replica_group &group, int64_t asked_at, const replication_info &said);
  static void replica_answered(replica_group &group, replica_group::replica &answered, const replication_info &said);
  void enlist(replica_group &group, const std::vector<host_port> &replicas);

  engine &engine_;
  router &router_;
  const int64_t max_staleness_ns_;
  std::atomic<bool> running_{false};
  std::atomic<bool> used_{false};
  int64_t idle_ticks_ = 0;
  tick_timer timer_;
  std::map<node *, std::unique_ptr<replica_group>> groups_;
};

}  // namespace cachecore_internal
