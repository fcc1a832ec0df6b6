// router.h: which node a request goes to.
//
// One server: one node, and nothing to decide. Sentinel: the node it names, asked for when first needed, when a
// connection is lost, and when it announces a switch. A cluster: a map of slots to nodes, fetched with CLUSTER SLOTS
// when first needed and whenever an answer shows that it is out of date. A request whose node is not known waits in a
// room until the map has come.
//
// What an answer says about the route is acted upon before the invocation sees it (see redirect):
//
//   MOVED          the slot is elsewhere: asked there at once, and the map is fetched anew
//   ASK            the key is on its way to another node: asked there once, with ASKING
//   TRYAGAIN, CLUSTERDOWN, MASTERDOWN, LOADING
//                  nothing was done: asked again a little later (exponential backoff, full jitter)
//   READONLY       the master has been demoted: its connections are made anew, then asked again
//   a replica that could not answer (see replica_reads.h)
//                  its master is asked at once
//   UNAVAILABLE    nothing was sent, or only a read: where there are other nodes to hope for, asked again a little
//   later
//
// Bounded by the deadline and by 16 redirections a request, so that a cluster that is at odds with itself ends in an
// error.
//
// Thread rule: any thread, but what is marked [loop]. Invariant: a node, once made, lives as long as the router, so
// that the map can be read without a lock.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/topology/cluster_slots.h"
#include "core/wire/command_table.h"
#include "core/wire/node.h"
#include "core/wire/waiting_room.h"

namespace cachecore_internal {

class push_connection;
class replica_reads;

// Bytes of the ASKING before a request, if there is one.
size_t asking_size(const request &sent) noexcept;

class router {
 public:
  explicit router(engine &owner);
  ~router();
  router(const router &) = delete;
  router &operator=(const router &) = delete;

  [[nodiscard]] bool is_cluster() const noexcept { return kind_ == kind::cluster; }
  // Whether another node may take over from one that is lost.
  [[nodiscard]] bool moves() const noexcept { return kind_ != kind::one; }
  // Whether the nodes are known.
  [[nodiscard]] bool is_mapped() const noexcept {
    return kind_ == kind::one || mapped_.load(std::memory_order_acquire);
  }

  // Gives a chain of requests of one invocation to the lanes.
  void add(invocation &owner, request *first) noexcept;
  // Sees to it that the request is tried again, if its answer says so: an intercept function (see wait).
  static bool redirect(wait *self) noexcept;

  // The node of a slot (any_slot: any); null while none is known.
  [[nodiscard]] node *node_of(int32_t slot) noexcept;
  // Masters, in the order of their addresses.
  [[nodiscard]] std::vector<node *> masters();
  // The node to subscribe at; null while none is known, which it then sees to.
  [[nodiscard]] node *subscription_node() noexcept;

  // Made at the first request for it; lives as long as the router.
  node &node_at(const dial_target &target);

  // The map may be out of date: a node could not be reached, stalled, or said so.
  void want_map() noexcept;

  void end_watch() noexcept;  // [loop] at the engine's end
  void shut(cachecore_status reason) noexcept;
  void cancel_dials() noexcept;
  [[nodiscard]] bool is_torn_down() noexcept;
  void abandon() noexcept;
  [[nodiscard]] node::figures count() noexcept;

 private:
  enum class kind : uint8_t { one, sentinel, cluster };
  using slot_table = std::array<std::atomic<node *>, slot_count>;
  struct fetch;

  void wait_for_map(request *unknown) noexcept;
  bool leave_room(request *leaving) noexcept;  // [loop]
  bool ask_master(request &again, cachecore_status status, std::string_view code) noexcept;
  bool try_again(request &again) noexcept;
  bool try_later(request &again) noexcept;
  void fetch_map() noexcept;                                                    // [loop]
  void watch_sentinels();                                                       // [loop]
  void installed(std::vector<node *> masters);                                  // [loop]
  void install_master(const cachecore_value &answer);                           // [loop]
  void install_slots(const std::vector<slot_range> &ranges);                    // [loop]
  void fetch_failed(cachecore_status status, const std::string &why) noexcept;  // [loop]
  [[nodiscard]] std::vector<node *> candidates();

  engine &engine_;
  const kind kind_;
  std::unique_ptr<slot_table> slots_;
  std::atomic<bool> mapped_{false};
  waiting_room room_;
  std::unique_ptr<replica_reads> reads_;  // null: reads go to masters alone

  std::mutex mutex_;
  std::map<std::pair<dial_target::kind, std::string>, std::unique_ptr<node>> nodes_;  // by address
  std::vector<node *> masters_;
  std::vector<node *> all_;
  std::vector<node *> sources_;  // nodes that can be asked for the map
  cachecore_status shut_with_ = CACHECORE_OK;
  node *only_ = nullptr;

  // The loop's.
  struct fetch_timer : timer_entry {
    router *owner = nullptr;
  };
  std::atomic<bool> wanted_{false};  // somebody asked for a map since the last fetch began
  bool fetching_ = false;
  uint32_t fetch_failures_ = 0;
  int64_t fetched_at_ = 0;
  fetch_timer retry_;
  std::unique_ptr<push_connection> switches_;  // of Sentinel's masters
};

}  // namespace cachecore_internal
