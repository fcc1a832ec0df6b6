// tracking.h: hearing of changed keys from every master (service tracking/1).
//
// One connection a master is told of every change under the prefixes, and answers a PING every 500 ms behind everything
// that was told before. So at any moment a copy is right as of the time at which the last answered PING was *sent*:
// that distance is its age. The connection's loss begins a new epoch, which ends all copies made in the one before
// without touching them; so does a change of the cluster's map, since keys may be told of elsewhere then. (A key that
// moves to another node is deleted at the old one, which tells of it.)
//
// Thread rule: as plugin.h says; the rest belongs to the loop. Invariant: a cachecore_tracked, once given out, lives as
// long as the engine.
#pragma once

#include <cachecore/plugin.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/wire/push_connection.h"

namespace cachecore_internal {
class node;
}

// What is known of one master.
struct cachecore_tracked {
  std::atomic<uint64_t> epoch{0};  // 0: nothing is heard
  std::atomic<int64_t> proven{0};  // boot_ns of the last answered PING of this epoch
};

struct cachecore_tracking {
  cachecore_tracking(cachecore_internal::engine &owner, std::vector<std::string> prefixes,
                     cachecore_changed_function on_changed, void *state);
  ~cachecore_tracking();
  cachecore_tracking(const cachecore_tracking &) = delete;
  cachecore_tracking &operator=(const cachecore_tracking &) = delete;

  const cachecore_tracked *at(std::string_view key, uint64_t *epoch) noexcept;
  void end() noexcept;

  // [loop]
  void rearrange() noexcept;
  void shut() noexcept;

 private:
  struct master {
    cachecore_tracked known;
    std::unique_ptr<cachecore_internal::push_connection> connection;  // none: it is no master now
  };

  void changed(const cachecore_value &keys) noexcept;
  void listen_at(cachecore_internal::node &server);

  cachecore_internal::engine &engine_;
  const std::vector<std::string> prefixes_;
  const cachecore_changed_function on_changed_;
  void *const state_;
  std::mutex running_;  // while on_changed runs
  bool ended_ = false;  // under it
  std::atomic<bool> begun_{false};
  std::mutex mutex_;
  std::map<cachecore_internal::node *, std::unique_ptr<master>> masters_;
  std::vector<std::unique_ptr<cachecore_internal::push_connection>> retired_;  // the loop's
  uint64_t next_epoch_ = 1;                                                    // the loop's
};

namespace cachecore_internal {

// The trackings of an engine. Thread rule: begin on any thread, the rest on the loop.
class trackings {
 public:
  explicit trackings(engine &owner) : engine_(owner) {}
  cachecore_tracking *begin(std::vector<std::string> prefixes, cachecore_changed_function on_changed, void *state);
  void rearrange() noexcept;
  void shut() noexcept;

 private:
  engine &engine_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<cachecore_tracking>> all_;
};

const cachecore_tracking_service *tracking_service() noexcept;

}  // namespace cachecore_internal
