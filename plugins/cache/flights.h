// flights.h: the loads under way in this process, and who waits for them: the lease state machine.
//
// A flight is one load of one key. Whoever finds no fresh value begins one, or waits for the one there is.
//
//     state      event                                      next       what happens
//     ---------  -----------------------------------------  ---------  ------------------------------------------------
//     (none)     a lookup misses: begin                     beginning  that lookup owns it and asks Redis for a token
//     beginning  a lookup misses                            beginning  it waits: the load has not begun, so it may
//     beginning  another process loads (`distributed`)      beginning  the owner waits for word of that (elsewhere.cpp)
//     beginning  - its value is there: end, value           -          those who waited before it was read get it, the
//                                                                      later ones look again
//     beginning  - it failed: end, failure                  -          those waiting get LOADER_FAILED
//     beginning  - it ended without, or seems dead          beginning  the owner asks Redis for a token again
//     beginning  the owner has its token: take_off          loading    the owner is told to load, with a lease
//     beginning  Redis has a newer value: end, again        -          those waiting look again
//     beginning  the owner is given up: pass_on             beginning  the oldest waiter owns it; none: it ends, and
//                                                                      its lease in Redis is released
//     loading    a lookup misses that may wait (lookup.cpp) loading    it waits
//     loading    store: land                                storing    those waiting get the value
//     loading    fail: end, failure                         -          those waiting get LOADER_FAILED
//     loading    the lease expires, or is undone: pass_on   beginning  the oldest waiter owns it; none: it ends
//     storing    a lookup misses that may wait              storing    it gets the value
//     storing    Redis has answered: end                    -
//     any        the key is invalidated here: detach        the same   no later lookup finds it; those waiting stay
//     any        a tag is invalidated here: end_tag         the same   those who wait from now on get no value with it
//
// A lease is a number that was never used before, with a secret; store, fail and undo name it. An expired one, or one
// used before, is unknown, so a loader that comes late changes nothing for the one that took its place.
//
// A detached flight goes on for those who waited before. It is not stored: something newer was said about the key.
//
// Tags are known when a load ends. So who waits remembers what had been invalidated when it began to, in its own
// reading of the region's marker and in `tags_ended`, and looks whether the value it is given has such a tag (`pass`).
//
// Thread rule: any thread; functions marked [held] are called with the mutex held. Invariants, with the mutex free: a
// flight is in by_lease_ exactly while it is loading; an attached one is in by_name_; a beginning one has an owner
// whose coroutine will take off, end it or pass it on.
#pragma once

#include <limits>
#include <mutex>
#include <set>
#include <unordered_map>

#include "alarm.h"
#include "regions.h"

namespace cache_plugin {

// What a waiter is woken with.
struct grant {
  enum class kind : uint8_t { value, failure, ownership, again };

  kind what = kind::again;
  std::shared_ptr<const content> loaded;      // of value
  std::shared_ptr<const std::string> reason;  // of failure
  // Of value: it was read from Redis when this many had begun to wait, so it is for them. All, when it was loaded here.
  uint64_t readers = std::numeric_limits<uint64_t>::max();
  int64_t age_ms = 0;
};

struct lease_id {
  uint64_t number = 0;
  uint64_t secret = 0;
};

struct flight {
  enum class state : uint8_t { beginning, loading, storing };

  flight(std::string_view named, std::string_view its_key, region_ref in) : name(named), key(its_key), home(in) {}

  const std::string name;  // of the entry in Redis
  const std::string key;   // as the caller said it
  const region_ref home;
  uint64_t number = 0;  // of this flight: never used again
  state now = state::beginning;
  bool attached = true;
  lease_id lease;                         // while loading
  int64_t expires_at = 0;                 // while loading
  int64_t began_at = 0;                   // while loading
  std::string asked;                      // the last token that Redis was asked to give it
  std::string token;                      // of its lease in Redis; empty: it loads without Redis
  generation seen;                        // what the region's marker said before the load began
  std::shared_ptr<const content> loaded;  // while storing
  std::vector<std::string> tags_ended;    // invalidated by this process since it began
  uint64_t joined = 0;                    // how many have begun to wait
  near_region *near = nullptr;            // where its value may be kept without Redis, and
  uint64_t near_ticket = 0;               // the ticket for that
  parking_lot<grant> waiting;

  // While its owner waits for another process.
  parking_lot<> elsewhere;
  bool heard = false;   // something was changed since the owner looked
  uint64_t polled = 0;  // counts its waits
};

using flight_ref = std::shared_ptr<flight>;

// What a waiter has to remember until it is given a value.
struct pass {
  uint64_t number = 0;     // of those who wait
  size_t tags_ended = 0;   // so many tags had been invalidated
  bool before_it = false;  // the load had not begun
};

class flights {
 public:
  [[nodiscard]] std::mutex &mutex() noexcept { return mutex_; }

  // [held] The attached flight of a name, after the expiry of its lease was looked after; or null.
  [[nodiscard]] flight_ref find(std::string_view name, int64_t now_ms);
  // [held] A new one in the place of any other.
  [[nodiscard]] flight_ref begin(std::string_view name, std::string_view key, region_ref home);
  // [held] For one who is going to wait, or, of one that is storing, takes its value.
  [[nodiscard]] static pass join(flight &there);
  // [held] Whether a value with `tags` is hindered by a tag that this process invalidated before `waiter` joined.
  [[nodiscard]] static bool tag_ended_before(const flight &there, const pass &waiter, tag_list tags);

  // [held] The owner begins to load. Returns the lease.
  lease_id take_off(const flight_ref &begun, std::string token, const generation &seen, uint64_t secret, int64_t now_ms,
                    int64_t load_timeout_ms);
  // [held] The flight of a lease; null when there is no such lease any more.
  [[nodiscard]] flight_ref holder(const lease_id &lease, int64_t now_ms);
  // [held] The same, and ends the lease: the flight belongs to the caller, who lands, ends or passes it on.
  [[nodiscard]] flight_ref take_lease(const lease_id &lease, int64_t now_ms);
  // [held] A value came for a flight whose lease was taken. Those who wait get it.
  void land(flight &landed, std::shared_ptr<const content> loaded);
  // [held] Ends a flight; those who still wait get `last_words`.
  void end(const flight_ref &ended, const grant &last_words);
  // [held] The owner or the loader will not go on. Whether somebody else does.
  bool pass_on(const flight_ref &left);

  // [held] Hides it from later lookups.
  void detach(flight &hidden);
  void detach(std::string_view name);
  // Those of a region that match.
  void detach_matching(const region &home, std::string_view pattern);
  // This process invalidated a tag of a region.
  void end_tag(const region &home, std::string_view tag);

  // Expired leases are passed on by a background invocation (alarm.h).
  alarm expiry;
  // [held] When the next lease expires; alarm::never when there is none.
  [[nodiscard]] int64_t next_expiry() const noexcept {
    return expiries_.empty() ? alarm::never : expiries_.begin()->first;
  }
  // [held] Passes on what has expired, and says when the next lease does.
  [[nodiscard]] int64_t pass_on_expired(int64_t now_ms);

  // Owners that wait for another process hear of changes, and look anyhow after a while (another background
  // invocation).
  alarm polling;
  // [held] The owner is going to wait until `at_ms` at most.
  void poll(const flight_ref &waits, int64_t at_ms);
  [[nodiscard]] int64_t next_poll() const noexcept { return polls_.empty() ? alarm::never : polls_.begin()->first; }
  // [held] Wakes whose time has come, and says when the next one's does.
  [[nodiscard]] int64_t wake_polls(int64_t now_ms);
  // Whether an owner may be waiting: what is heard is of interest to nobody else. Raised before it looks.
  [[nodiscard]] bool anybody_elsewhere() const noexcept { return elsewhere_.load() > 0; }
  void count_elsewhere(int64_t more) noexcept { elsewhere_ += more; }
  // The entry of that name, or its lease, was changed.
  void hear(std::string_view name);
  void hear_all();

 private:
  struct poll_entry {
    flight_ref waits;
    uint64_t round;
  };

  void expire(const flight_ref &late);
  void drop_lease(flight &held);
  static void wake_owner(flight &waits);

  std::mutex mutex_;
  std::atomic<int64_t> elsewhere_{0};
  uint64_t last_number_ = 0;
  std::unordered_map<std::string, flight_ref> by_name_;
  std::unordered_map<uint64_t, flight_ref> by_lease_;
  std::set<std::pair<int64_t, uint64_t>> expiries_;  // when, and the number of the lease
  std::multimap<int64_t, poll_entry> polls_;
};

}  // namespace cache_plugin
