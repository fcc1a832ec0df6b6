// claimers.h: the claims of this process that wait for a job.
//
// The problem: hundreds of workers wait, and a push must reach one of them at once, and only one, while waiting costs
// next to nothing. The answer: one coroutine of the process (claimers.cpp) blocks in BZPOPMIN on the wake markers of
// all queues somebody waits for; a push that finds the queue's `idle` flag sets the marker. Whoever takes the marker
// wakes one claim, which runs the claim script, which sets the marker again if it leaves anything behind. So wakes
// follow each other instead of coming at once, and one that a dying process took with it is made up for by the next
// look (every few seconds).
//
// What is due at a known time (a delayed job, an expired lease, a schedule, the end of a claim's own wait) is a matter
// of one sleeper.
//
// Thread rule: everything is guarded by `mutex`. Invariant: a waiting claim stands in the line of each of its queues,
// or in none.
#pragma once

#include <cachecore/plugin.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace queue_plugin {

using namespace cachecore::plugin;

constexpr int64_t never = std::numeric_limits<int64_t>::max();

struct waiting_claim;

// A queue as this process knows it; lives as long as the instance.
struct line {
  explicit line(std::string_view named) : name(named) {}

  const std::string name;
  std::atomic<int64_t> cared_at{std::numeric_limits<int64_t>::min() /
                                2};  // when a claim last took care of all that is due
  std::atomic<bool> listed{false};   // in the set of all queues

  // Guarded by claimers::mutex.
  std::deque<waiting_claim *> waiting;
  int64_t look_at = never;
  bool watched = false;  // by a coroutine of its own, on Cluster
};

struct woken_for {
  line *queue = nullptr;  // null: nothing came in time, or look at all of them
  bool time_is_up = false;
};

struct waiting_claim {
  parking_lot<woken_for> place;
  std::vector<line *> queues;
  int64_t deadline = never;
  std::optional<woken_for> early;  // woken before it had parked
};

class claimers {
 public:
  std::mutex mutex;
  bool watching = false;    // the coroutine that blocks for all queues runs
  bool alone = false;       // each queue has its own: the server is a cluster
  std::string control_key;  // interrupts the block; empty while none is under way
  int64_t alarm = never;    // when the sleeper wakes

  void stand_in_line(waiting_claim &claim) {
    for (line *each : claim.queues) each->waiting.push_back(&claim);
  }
  static void leave(waiting_claim &claim) {
    for (line *each : claim.queues) std::erase(each->waiting, &claim);
  }
  // Wakes who waits longest for the queue; false when nobody does.
  static bool wake_one(line &queue) {
    if (queue.waiting.empty()) return false;
    wake(*queue.waiting.front(), {&queue, false});
    return true;
  }
  static void wake(waiting_claim &claim, woken_for why) {
    leave(claim);
    if (!claim.place.wake_one(why)) claim.early = why;
  }
};

}  // namespace queue_plugin
