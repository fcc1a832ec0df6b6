// waiting_room.h: requests that wait for a better moment to be sent.
//
// A request comes here when no node is known for it yet (the map of the cluster is being fetched), or when a node
// answered that it should be asked again a little later (a slot that moves, a failover that is under way). Nothing of
// it has been sent. It leaves at its time, when the map has come, or when its invocation gives it up.
//
// Thread rule: add and withdraw on any thread, all else on the loop. Invariant: under the mutex a request is either in
// the list, or it has a lane, where its withdrawal goes on.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "core/runtime/invocation.h"
#include "core/runtime/loop.h"
#include "core/wire/request.h"

namespace cachecore_internal {

class waiting_room {
 public:
  // `leave` gives a request to its lane; false: it stays until release_all. Runs on the loop with the mutex held, and
  // must not come back here.
  waiting_room(loop &events, std::function<bool(request *)> leave);
  waiting_room(const waiting_room &) = delete;
  waiting_room &operator=(const waiting_room &) = delete;

  // Until `due`; no_deadline: until release_all. Throws std::bad_alloc, the request is still the caller's then.
  void add(request *waiting, int64_t due);
  // True when it was here.
  bool withdraw(request *given_up) noexcept;

  // Lets those go that wait for no time of their own.
  void release_all() noexcept;
  // Ends those with an error.
  void refuse_all(cachecore_status status, const std::string &why) noexcept;
  // Ends everything that is here, and whatever comes later. [any thread]
  void shut(cachecore_status reason) noexcept;

 private:
  struct place {
    int64_t due;
    request *waiting;
  };
  struct alarm : timer_entry {
    waiting_room *room = nullptr;
  };

  void arm() noexcept;
  void release_due(int64_t now) noexcept;

  loop &loop_;
  const std::function<bool(request *)> leave_;
  std::mutex mutex_;
  std::vector<place> places_;
  cachecore_status shut_with_ = CACHECORE_OK;
  alarm alarm_;
};

}  // namespace cachecore_internal
