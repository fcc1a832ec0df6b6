// lines.h: who of this process waits, and for which lock.
//
// A waiter is entered before its request is sent, since the word that it was granted comes by another connection and
// may be here first. It is woken once: with a grant, or to begin again (the server does not know it any more), or
// because its time is over. What it was granted while it was not parked yet lies in `woken`.
//
// The word may be lost, and a holder may die without one. So of each line (the waiters of one name) this process looks
// after the lock itself when the present lease should be over, and every ten seconds, which also keeps its waiters
// alive at the server: a waiter whose process has gone is passed over when that stops. Both are one request of the
// process, however many wait.
//
// Times are those of a clock that counts while the machine sleeps; `clock` is what to add to a time of the server's:
// the smallest it can be, so that a lease's end comes out too early rather than too late.
//
// Thread rule: any thread; all but the constants is guarded by the mutex, functions are called with it held.
#pragma once

#include <cachecore/plugin.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "alarm.h"
#include "handle.h"

namespace lock_plugin {

using namespace cachecore::plugin;

// How long a waiter counts as alive after it was last heard of.
inline constexpr int64_t alive_ms = 30'000;

struct turn {
  enum class kind : uint8_t { granted, again, over };

  kind what = kind::again;
  int64_t fence = 0;
  int64_t ends_at = 0;  // of the lease, server's time
};

struct waiter {
  // Constant.
  token id;
  std::string name;
  int64_t until = never;  // when it gives up

  bool entered = false;  // the server has said that it waits
  int64_t clock = 0;
  std::optional<turn> woken;
  parking_lot<turn> lot;

  // For how long it asks to be counted as alive, from now.
  [[nodiscard]] int64_t alive_for(int64_t now_ms) const noexcept {
    return until == never ? alive_ms : std::max<int64_t>(std::min(until - now_ms + 1'000, alive_ms), 1);
  }
};

using waiter_ref = std::shared_ptr<waiter>;

// One look at a lock: what is asked of the server for some of those who wait.
struct look {
  std::string name;
  std::vector<waiter_ref> waiters;
};

class lines {
 public:
  [[nodiscard]] std::mutex &mutex() noexcept { return mutex_; }
  // When the next line is due.
  alarm next;

  [[nodiscard]] bool waits(std::string_view name) const { return by_name_.contains(std::string(name)); }
  [[nodiscard]] waiter_ref find(const token &id) const;
  void add(const waiter_ref &added);
  void remove(const waiter_ref &gone);
  // Wakes it, or leaves the word for it. Nothing when it was woken before.
  static void wake(waiter &woken, const turn &with);
  // The server said that it waits, and when the next lease ends (-1: none). True: a sleeper has to be started.
  [[nodiscard]] bool entered(waiter &added, int64_t sent_at, int64_t server_now, int64_t next_end_ms, int64_t now_ms);

  // Has every line looked at, and all who wait, as soon as possible. True: a sleeper has to be started.
  [[nodiscard]] bool look_at_all(int64_t now_ms);
  // Wakes those whose time is over, and says which lines to look at. Sets `next`.
  [[nodiscard]] std::vector<look> take_due(int64_t now_ms);
  // When to look at a line again. True: a sleeper has to be started.
  [[nodiscard]] bool look_again(const std::string &name, int64_t at_ms);
  // While nothing is heard, lines are looked at so often.
  void set_deaf(bool deaf) noexcept { deaf_ = deaf; }
  [[nodiscard]] size_t count() const noexcept { return by_token_.size(); }

 private:
  struct line {
    std::deque<waiter_ref> waiters;  // in the order they came
    int64_t look_at = never;         // at the first of them
    int64_t refresh_at = never;      // all of them
  };

  std::mutex mutex_;
  bool deaf_ = false;
  std::unordered_map<token, waiter_ref, token_hash> by_token_;
  std::unordered_map<std::string, line> by_name_;
};

}  // namespace lock_plugin
