// near.h: a region's copies in this process: when one may be served, and how it is kept right.
//
// l1/l1.h keeps copies and knows nothing of Redis. Here is what they mean.
//
// Why a copy can be trusted (promise 3). Redis tells of every change of a key (tracking/1). A copy is made so that no
// change is missed: a ticket is taken before the read is sent, a change voids it, and `at` answers the same before and
// after the read, so that the value came from the server that tells of the key and within one epoch of its connection.
// From then on either a change takes the copy out, or the connection's loss ends its epoch, or the server's answer to a
// PING says that nothing else had happened when the PING was sent: that moment is `proven`. A hit is served if `proven`
// is at most max_stale_ms ago, by a clock that also runs while the machine or the process sleeps. So whatever dies or
// stops, a copy is never behind by more.
//
// Invalidations of patterns, tags and whole regions change the region's marker and no entry. The marker is read and
// heard of in the same way (`heard_marker`): a copy carries the epoch of the marker it was compared with (its stamp),
// and is served if that is the epoch of the present marker, and the marker is proven as the copy is. When it is not,
// the copy is compared in full with the marker, and stamped anew if that admits it: an invalidation of one key of 10^5
// costs the others one comparison each, and no read.
//
// A process reads its own writes: what it changes it forgets at once, when the change has been answered and before its
// caller hears so, without waiting for Redis to tell.
//
// Without tracking (max_stale_ms 0) a copy ends after the l1's ttl_ms, and by this process' own changes.
//
// While Redis is away nothing is proven, so nothing is a hit. Then a copy that was not invalidated as far as this
// process knows is given as a stale value, within its stale_ms; and what was loaded without Redis is kept here for
// outage_ttl_ms (`outage_copy`), for as long as the outage lasts and no longer: who changes it afterwards does not
// reach it.
//
// Thread rule: any thread. A hit takes no lock, and allocates nothing but its answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "l1/hash.h"
#include "l1/l1.h"
#include "marker.h"

namespace cache_plugin {

[[nodiscard]] inline uint64_t hash_bytes(std::string_view bytes) noexcept { return near_hash(bytes, 0); }

// The field `l1` of a policy.
struct near_policy {
  size_t max_bytes = 0;  // 0: there is none
  size_t max_entries = 0;
  int64_t ttl_ms = 0;  // 0: as long as the entry is fresh
  int64_t max_stale_ms = 0;
  bool for_outages_only = false;

  bool operator==(const near_policy &) const = default;
};

// What all near caches of an instance report to, and ask.
struct near_report {
  const cachecore_tracking_service *tracking = nullptr;  // null: this host has none that says when it was proven
  const cachecore_timer_service *timer = nullptr;
  metric worst_age;
  std::atomic<int64_t> worst_age_ms{0};

  void served(int64_t behind_ms) noexcept;
};

// Who tells of a key, and since when.
struct telling {
  const cachecore_tracked *tracked = nullptr;
  uint64_t epoch = 0;

  bool operator==(const telling &) const = default;
};

// What near caches know of their region's marker.
class alignas(64) heard_marker {
 public:
  // Taken before the marker is read.
  [[nodiscard]] uint64_t expect() const noexcept { return changes_.load(std::memory_order_acquire); }
  // It was read, with this epoch; of no use if it changed since `ticket`.
  void learn(uint64_t ticket, int64_t epoch, const telling &by) noexcept;
  // It was changed.
  void forget() noexcept;

  // 0: not known.
  [[nodiscard]] int64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  // The moment as of which the marker of that epoch was the present one; 0: it is not known to be.
  [[nodiscard]] int64_t proven_ms(int64_t epoch, const cachecore_tracking_service &tracking) const noexcept;
  // As of which both it and what `by` tells of were right; 0: one of them is not known to be.
  [[nodiscard]] int64_t proven_with(const telling &by, int64_t epoch,
                                    const cachecore_tracking_service &tracking) const noexcept;

 private:
  std::atomic<int64_t> epoch_{0};
  std::atomic<const cachecore_tracked *> tracked_{nullptr};
  std::atomic<uint64_t> tracking_epoch_{0};
  std::atomic<uint64_t> changes_{0};
  std::mutex writing_;
};

// A copy that was found, in the memory of the call.
struct near_copy {
  char format = no_value;
  std::string_view bytes;  // as entry_view::payload, neither compressed nor sealed
  tag_list tags;
  uint32_t load_ms = 0;
  int64_t born_ms = 0;
  int64_t fresh_until_ms = 0;
  int64_t stamp = 0;
  int64_t found_ms = 0;  // when it was found

  [[nodiscard]] int64_t age_ms() const noexcept { return found_ms > born_ms ? found_ms - born_ms : 0; }
};

class near_region {
 public:
  enum class answer : uint8_t {
    none,
    hit,
    outdated,  // the marker has moved on since it was compared: see `compared`
  };

  near_region(const near_policy &how, double eager, near_report &report);

  [[nodiscard]] const near_policy &how() const noexcept { return how_; }
  [[nodiscard]] bool tracked() const noexcept { return how_.max_stale_ms > 0; }

  // A copy that may be served.
  [[nodiscard]] answer find(call &call, std::string_view key, uint64_t hash, const heard_marker &heard,
                            near_copy &out) noexcept;
  // An outdated copy was found to be valid under the marker of `epoch`.
  void compared(std::string_view key, uint64_t hash, const near_copy &copy, int64_t epoch) noexcept;
  // While Redis is away: what was loaded without it (hit), else what may be served stale (outdated: to be compared with
  // the last marker that was known).
  [[nodiscard]] answer find_in_outage(call &call, std::string_view key, uint64_t hash, near_copy &out) noexcept;

  [[nodiscard]] uint64_t expect(uint64_t hash) const noexcept { return copies_.expect(hash); }
  // Keeps what was read from Redis: it was sent at `asked_ms`, and the entry was `age_ms` old then.
  void keep(std::string_view key, uint64_t hash, const entry_view &entry, int64_t asked_ms, int64_t age_ms,
            int64_t stamp, const telling &by, uint64_t ticket) noexcept;
  // To be called before it is looked whether the load is still of use, and before the ticket is used: invalidations
  // look for such copies only in regions that may have some.
  void may_have_outage_copies() noexcept { outage_copies_.store(true); }
  void keep_in_outage(std::string_view key, uint64_t hash, const content &loaded, int64_t ttl_ms,
                      uint64_t ticket) noexcept;

  void erase(std::string_view key, uint64_t hash) noexcept { copies_.erase(key, hash); }
  void erase_all() noexcept { copies_.erase_all(); }
  // This process invalidated: takes out what the marker does not reach. `ends(key, tags)`.
  template <class Ends>
  void erase_invalidated(bool all_copies, Ends ends) {
    if (!all_copies && tracked() && !outage_copies_.load()) return;
    copies_.erase_if([&](const copy_view &copy) {
      const parts of = parts_of(copy);
      return (all_copies || !tracked() || (copy.flags() & outage_copy) != 0) && ends(copy.key(), of.tags);
    });
  }

  [[nodiscard]] near_cache::figures figures() const { return copies_.now(); }

 private:
  // Flags of a copy. The low byte is the entry's format.
  static constexpr uint16_t with_prefix = 0x100;  // 4 bytes load_ms, 2 bytes size of tags, tags; then the payload
  static constexpr uint16_t outage_copy = 0x200;
  static constexpr size_t prefix_size = 6;

  struct parts {
    uint32_t load_ms = 0;
    tag_list tags;
    std::string_view payload;
  };
  [[nodiscard]] static parts parts_of(const copy_view &copy) noexcept;
  [[nodiscard]] static bool take(call &call, const copy_view &copy, near_copy &out) noexcept;
  void put(std::string_view key, uint64_t hash, copy_facts facts, char format, uint32_t load_ms, tag_list tags,
           std::string_view payload, uint64_t ticket, int64_t now_ms) noexcept;

  const near_policy how_;
  const bool eager_;
  near_report &report_;
  std::atomic<bool> outage_copies_{false};
  near_cache copies_;
};

}  // namespace cache_plugin
