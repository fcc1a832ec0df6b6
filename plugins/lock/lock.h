// lock.h: locks in Redis that tell their holder when they are lost, and give the resource a fence.
//
// The problem: a lock with a lease is held by somebody who may be stopped for longer than the lease, waited for by
// others who may die, and all of them hear of each other by a network that loses things. What guards what:
//
// - At most one holder: the state of each lock, changed by the server alone: by one command that makes it exist where
// it
//   did not (simple.cpp), or by a script (scripts/state.lua). A token that was never used before names each grant.
// - A holder that has lost its lock: it counts its lease from before it asked (holds.h), and fences rise with every
// grant
//   (handle.h), so that the resource can refuse who comes late.
// - Order: those who wait stand in a line at the server; who gives back hands over in the same script. Who is granted
// is
//   told over its process' channel (listening.cpp), and looks itself when the word may be lost (lines.h, check.cpp).
// - Callers that have gone: what was asked for them is withdrawn until the server has said so, or has forgotten it by
//   itself (give_back.cpp).
// - Leases of all the process holds go on together (renewal.cpp).
//
// README.md has the methods, the keys and what they cost.
//
// Thread rule: that of plugin.hpp. The mutexes of holds_ and lines_ are never held together.
#pragma once

#include <cachecore/plugin.hpp>

#include <array>
#include <atomic>

#include "handle.h"
#include "holds.h"
#include "lines.h"

namespace lock_plugin {

using namespace cachecore::plugin;

// The keys of one lock, in the memory of a call: scripts/state.lua says what they hold.
struct lock_keys {
  std::string_view state;
  std::string_view holders;
  std::string_view waiters;
  std::string_view fence;
};

// What acquire was asked for, checked.
struct request {
  std::string_view name;
  std::string_view owner;
  mode how = mode::exclusive;
  int64_t permits = 0;
  int64_t lease_ms = 0;
  int64_t wait_ms = 0;
  int64_t until = 0;  // when the wait is over
  bool renewed = true;
  int64_t max_hold_ms = never;
  int64_t replicas = 0;
  int64_t sync_ms = 0;
};

// What was asked for somebody who has gone.
struct withdrawal {
  token id;
  std::string name;
  int64_t until = 0;  // when the server has forgotten it by itself
  int confirmations = 1;
};

class locks {
 public:
  locks(host &host, const value &config);

  // acquire.cpp
  task<value> acquire(call &call, std::string_view name, int64_t lease_ms, int64_t wait_ms, std::string_view mode,
                      std::optional<int64_t> permits, std::optional<std::string_view> owner, bool renew,
                      std::optional<int64_t> max_hold_ms, map_view sync);
  task<value> acquire_many(call &call, list_view names, int64_t lease_ms, int64_t wait_ms, std::string_view mode,
                           std::optional<int64_t> permits, std::optional<std::string_view> owner, bool renew,
                           std::optional<int64_t> max_hold_ms, map_view sync);

  // give_back.cpp
  task<void> release(call &call, std::string_view lock);
  task<int64_t> extend(call &call, std::string_view lock, std::optional<int64_t> lease_ms);
  task<int64_t> force_release(call &call, std::string_view name);
  task<void> undo_acquire(call &call, value granted);
  task<void> undo_acquire_many(call &call, value granted);

  // watching.cpp
  task<void> watch(call &call, std::string_view lock);
  task<value> status(call &call, std::string_view name);

  // Background invocations.
  task<void> watch_holds(call &call);  // renewal.cpp
  task<void> watch_lines(call &call);  // check.cpp
  task<void> listen(call &call);       // listening.cpp
  task<void> withdraw(call &call);     // give_back.cpp

 private:
  // Withdraws what was sent, unless it is settled what became of it.
  class unsettled {
   public:
    unsettled(locks &home, const token &id, std::string_view name, int64_t until) noexcept
        : home_(home), id_(id), name_(name), until_(until) {}
    unsettled(const unsettled &) = delete;
    unsettled &operator=(const unsettled &) = delete;
    ~unsettled() {
      if (!settled_) home_.withdraw_later(id_, name_, until_);
    }
    void settle() noexcept { settled_ = true; }
    // The request failed: nothing was sent, or nobody knows.
    void failed(const error &why) noexcept;

   private:
    locks &home_;
    token id_;
    std::string_view name_;
    int64_t until_;
    bool settled_ = false;
  };

  // server.cpp
  [[nodiscard]] static uint32_t bucket_of(std::string_view name) noexcept;
  [[nodiscard]] lock_keys keys_of(call &call, std::string_view name) const;
  [[nodiscard]] token new_token();
  task<void> admit(call &call);
  task<void> wait_for_plain(call &call, request wanted);
  task<void> confirm(call &call, request wanted);
  task<int64_t> ask_fence(call &call, lock_keys keys, token id);

  // acquire.cpp
  [[nodiscard]] request check(std::string_view name, int64_t lease_ms, int64_t wait_ms, std::string_view mode,
                              std::optional<int64_t> permits, std::optional<std::string_view> owner, bool renew,
                              std::optional<int64_t> max_hold_ms, map_view sync) const;
  task<hold_ref> take(call &call, request wanted);
  task<hold_ref> take_in_turn(call &call, request wanted);
  task<hold_ref> take_turn(call &call, request wanted, waiter_ref waiting);
  task<hold_ref> accept(call &call, request wanted, waiter_ref waiting, turn given);
  [[nodiscard]] hold_ref begin_hold(const request &wanted, const token &id, int64_t fence, int64_t sent_at, bool full);
  [[nodiscard]] value handle_text(call &call, const hold &held) const;
  [[nodiscard]] static error busy(const request &wanted);

  // simple.cpp
  task<hold_ref> take_simple(call &call, request wanted);

  // give_back.cpp
  [[nodiscard]] static handle parsed(std::string_view lock);
  // The hold of a handle, if this process has it and its time is not over.
  [[nodiscard]] hold_ref find_hold(const token &id);
  task<int64_t> drop(call &call, token id, std::string_view name, bool full);
  task<void> give_back(call &call, handle lock);
  task<bool> withdraw_one(call &call, withdrawal gone);
  void withdraw_later(const token &id, std::string_view name, int64_t until, bool twice = false) noexcept;

  // renewal.cpp
  task<bool> renew_one(call &call, lock_keys keys, token id, int64_t lease_ms);
  task<void> renew_batch(call &call, std::vector<hold_ref> batch);
  void note_due(const hold &held);
  void start_hold_watch() noexcept;

  // check.cpp
  task<void> look_at(call &call, look asked);
  void start_line_watch() noexcept;

  // listening.cpp
  void start_listening() noexcept;
  void set_deaf(bool deaf) noexcept;
  void look_everywhere() noexcept;
  void ask_for_watched() noexcept;
  void hear(std::string_view text);

  host &host_;
  const bool allow_eviction_;
  const std::string migrate_from_;
  std::string channels_;  // what all processes' channels begin with
  std::array<char, process_size> process_{};
  std::atomic<bool> admitted_{false};
  std::atomic<bool> simple_works_{true};
  std::atomic<bool> listening_{false};

  std::mutex random_mutex_;
  std::array<uint8_t, 512 * 9> random_{};
  size_t random_used_ = sizeof(random_);

  holds holds_;
  lines lines_;

  std::mutex withdrawals_mutex_;
  std::vector<withdrawal> withdrawals_;
  bool withdrawing_ = false;
  int64_t withdraw_delay_ms_ = 0;
};

}  // namespace lock_plugin
