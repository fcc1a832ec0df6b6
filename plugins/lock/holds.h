// holds.h: what this process holds: one `hold` for each grant, until it is released or lost.
//
// A hold knows until when it is certainly held: the lease, counted from before the request that gave or renewed it was
// sent, so this end comes before the server's. Every renewal and extension can only move it on, here and there, so
// however they race, this end stays before the server's.
//
// A hold that has ended stays so. It ends by release, by the server's word (a renewal, an extension, or an announcement
// says that it is held no more), or by its time: a little before its end (`margin`) when it has not been renewed by
// then, so that who watches hears of it before anybody else can have the lock.
//
// Times are those of a clock that counts while the machine sleeps (timer/1 now_ms).
//
// Thread rule: any thread; functions marked [held] are called with the mutex held. A hold's fields but its constants
// are guarded by the mutex, too.
#pragma once

#include <cachecore/plugin.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "alarm.h"
#include "handle.h"

namespace lock_plugin {

using namespace cachecore::plugin;

// Why a hold has ended; static texts for those who watch.
struct ending {
  const char *event = "";   // "lost" or "released"
  const char *reason = "";  // of "lost"
};

struct hold {
  // Constant.
  token id;
  std::string name;
  std::string owner;
  mode how = mode::exclusive;
  int64_t fence = 0;
  bool renewed = false;  // by this process

  int64_t lease_ms = 0;
  int64_t ends_at = 0;          // when it is no longer certain
  int64_t renew_until = never;  // how far it may be renewed
  int64_t renew_at = never;     // when the next renewal is due; never: it is under way, or there is none
  bool full = false;            // granted by a script: it takes one to release it
  bool ended = false;
  ending how_ended;
  parking_lot<ending> watchers;

  // How long before its end it is told lost.
  [[nodiscard]] int64_t margin_ms() const noexcept { return std::min<int64_t>(lease_ms / 10, 1'000); }
  [[nodiscard]] int64_t lost_at() const noexcept { return ends_at - margin_ms(); }
  // When somebody has to look at it.
  [[nodiscard]] int64_t due_at() const noexcept { return std::min(renew_at, lost_at()); }
};

using hold_ref = std::shared_ptr<hold>;

class holds {
 public:
  [[nodiscard]] std::mutex &mutex() noexcept { return mutex_; }
  // When the next hold is due.
  alarm next;

  // [held]
  void add(const hold_ref &held);
  [[nodiscard]] hold_ref find(const token &id) const;
  // [held] The hold of an owner of a name; null when there is none.
  [[nodiscard]] hold_ref find_owned(std::string_view name, std::string_view owner) const;
  // [held] Ends it and forgets it; those who watch are told. False: it had ended before.
  bool end(const hold_ref &held, const ending &how);
  // [held] The server said that a request sent then, for so long, was granted.
  void go_on(hold &held, int64_t sent_at, int64_t lease_ms);

  // [held] Ends those whose time has come, and takes out those to be renewed. Sets `next`.
  std::vector<hold_ref> take_due(int64_t now_ms, std::vector<hold_ref> &lost);
  // [held] Has those renewed at once that somebody watches: what was told of them may have been missed. True: a sleeper
  // has to be started.
  [[nodiscard]] bool ask_for_watched(int64_t now_ms);

 private:
  [[nodiscard]] static std::string owned_key(std::string_view name, std::string_view owner);

  std::mutex mutex_;
  std::unordered_map<token, hold_ref, token_hash> by_token_;
  std::unordered_map<std::string, hold_ref> by_owner_;
};

}  // namespace lock_plugin
