// cache.h: read-through caching by leases.
//
// The problem: many callers, in any language, ask at once for what only a slow source knows, and others change it
// meanwhile. The answer: a lookup either has the value, or waits for whoever loads it, or is the one that loads, with a
// lease that `store` or `fail` ends. Loading is done by the caller, so no code of the caller's ever runs in here.
//
// What guards what:
//
// - Loads of one process: flights.h, the state machine of leases and those who wait.
// - Loads of several processes, where the policy says `distributed`: the key's lease in Redis, which one load at a time
//   holds. Others wait for word of it (elsewhere.cpp); one that dies is replaced after its load_timeout_ms.
// - Loads against deletes and sets, in all processes: the same lease. A load begins by writing it or finding it
//   (scripts/begin.lua), a store needs it (scripts/store.lua), and delete and set remove it. So a store either comes
//   before the delete and is deleted by it, or finds its lease gone. A lease that expired is as good as deleted.
// - Loads against invalidations by pattern, tag and region: the region's marker (marker.h), whose epoch an entry
// carries
//   from before its load; every read compares.
// - Lookups against loads that an invalidation overtook: whoever waits for a flight has seen, in a read of its own, the
//   flight's lease in Redis and a marker that admits it, or found a flight that had not begun to load (lookup.cpp).
// - Copies in this process: near.h. What Redis tells of changes is heard in hearing.cpp.
// - Redis that is away: lookups load without it, once a process (patience.h, outage.h). What such a load gives is not
//   stored; it may be kept in this process until Redis is back.
//
// ## The epochs of invalidations: why no lookup is answered by what an invalidation overtook
//
// Let I be an invalidation that has returned, and L a lookup that begins afterwards. Every value that could answer L
// was loaded by some load; let B be the moment before that load began at which its process read the region's marker,
// epoch e(B). I moved the marker's epoch, to e(I).
//
// - L finds an entry in Redis. It carries e(B). L reads the marker after I returned, so sees e(I) or later. If B came
//   before I then e(B) < e(I), and the marker says that I concerns the key (or a tag the entry has, or everything): not
//   valid. If B came after I the load did, too, and the value may be served. It does not matter when the load ended,
//   nor on which machine, since both epochs were read in Redis and no clock is compared.
// - L waits for a load of this process. It began to wait after its own read of the marker, which is compared with the
//   load's e(B) before it waits, and for tags, which are only known at the end, when it is given the value.
// - L waits for another process: it is answered by an entry that it reads itself.
// - L finds a copy in this process. Its stamp is an epoch it was valid under, and it is served only if that is the
//   epoch of the marker as it was at most max_stale_ms ago. So here, and only here, L may be behind I by that bound;
//   not if I was this process' own, since that forgets the marker before it returns.
// - A delete or set is an invalidation of one key: instead of an epoch it removes the lease, without which no load
//   begun before can store, and the entry. Copies are taken out by the server's message, or at once by the own process.
// - The connection that tells of changes is lost and comes back: its epoch (tracking/1) is another, so copies made
//   before are not served again, and what was missed meanwhile does not matter. The marker is read anew.
// - The marker is lost (eviction, FLUSHALL, a failover to a replica without it): its incarnation is another, so nothing
//   older is valid. A failover that loses the last invalidation alone is not noticed: Redis replicates asynchronously.
//
// README.md has the methods, the keys and what they cost; entry.h and marker.h what lies in Redis.
#pragma once

#include "flights.h"
#include "lease_note.h"
#include "lease_text.h"
#include "outage.h"
#include "patience.h"
#include "sealing.h"

namespace cache_plugin {

// The keys of one entry, in the memory of the call.
struct names {
  std::string_view entry;
  std::string_view lease;
  std::string_view marker;
  std::string_view tags;
};

// What one look into Redis showed.
struct reading {
  bool away = false;                    // it did not answer; what was found is this process' own
  std::string_view id;                  // of what is stored, also where it is of no use
  std::optional<entry_view> found;      // what is stored and was not invalidated; neither compressed nor sealed
  int64_t age_ms = 0;                   // of it
  lease_note lease;                     // the key's
  std::shared_ptr<const marker> marks;  // null where there is none

  [[nodiscard]] bool fresh() const noexcept { return found && age_ms < found->ttl_ms; }
  [[nodiscard]] bool stale() const noexcept { return found && !fresh(); }
};

// A value on its way into Redis; `bytes` live as long as the call, or its arguments.
struct encoded {
  char format;
  std::string_view bytes;
};

// Why a key is looked up.
enum class asking : uint8_t {
  read,
  read_at_once,  // and who would have to wait hears "loading" instead
  refresh,       // loads also what is fresh
};

class cache {
 public:
  cache(host &host, const value &config);
  ~cache();
  cache(const cache &) = delete;
  cache &operator=(const cache &) = delete;

  // plugin.cpp
  task<void> define(call &call, std::string_view region, map_view policy);
  task<value> stats(call &call, std::optional<std::string_view> region);

  // lookup.cpp
  task<value> lookup(call &call, std::string_view region, std::string_view key, int64_t wait_ms);
  task<value> refresh(call &call, std::string_view region, std::string_view key, int64_t wait_ms);
  task<void> undo_lookup(call &call, value granted);

  // many.cpp
  task<value> lookup_many(call &call, std::string_view region, list_view keys, int64_t wait_ms);
  task<void> undo_lookup_many(call &call, value granted);
  task<value> store_many(call &call, list_view loads);

  // loads.cpp
  task<bool> store(call &call, std::string_view lease, value data, std::optional<int64_t> ttl_ms, list_view tags);
  task<void> fail(call &call, std::string_view lease, std::string_view message);

  // bloom.cpp
  task<void> bloom_add(call &call, std::string_view region, list_view keys, bool complete);

  // direct.cpp
  void forget(region &home, std::string_view entry, std::string_view key);
  task<value> get(call &call, std::string_view region, std::string_view key);
  task<void> set(call &call, std::string_view region, std::string_view key, value data, std::optional<int64_t> ttl_ms,
                 list_view tags);
  task<bool> remove(call &call, std::string_view region, std::string_view key);

  // invalidating.cpp
  task<void> invalidate(call &call, std::string_view region, std::string_view pattern);
  task<void> invalidate_tag(call &call, std::string_view region, std::string_view tag);
  task<void> clear(call &call, std::string_view region);

 private:
  // What became of a load that was to begin.
  struct beginning {
    std::optional<reading> newer;     // none is needed: this came meanwhile
    std::optional<uint64_t> readers;  // it was read when so many had begun to wait; none: nobody else may have it
    std::string token;                // of the lease in Redis; empty without Redis
    generation seen;
    std::string elsewhere;              // the token of another process' load that is to be waited for
    int64_t elsewhere_ms = 0;           // after so long that one is taken for dead
    std::optional<std::string> failed;  // another process' load failed
  };

  // bloom.cpp
  task<bool> filter_refuses(call &call, region_ref home, std::string_view key);
  task<void> filter_add(call &call, region_ref home, std::shared_ptr<const policy> how,
                        std::vector<std::string_view> keys, bool complete);

  // many.cpp
  task<value> lookup_one(call &call, region_ref home, std::string_view key, asking why);
  task<value> store_one(call &call, map_view load);

  // reading.cpp
  [[nodiscard]] names names_of(call &call, const region &home, std::string_view key) const;
  task<reading> read(call &call, region_ref home, names at, std::string_view key);
  task<void> judge(call &call, region_ref home, names at, std::string_view key, reading &seen, value stored,
                   value left_ms);
  task<bool> tags_valid(call &call, region_ref home, names at, const marker &marks, entry_view entry);
  task<std::shared_ptr<const marker>> marker_of(call &call, region_ref home, names at, std::string_view header);
  task<std::shared_ptr<const marker>> mark(call &call, region_ref home, names at, const char *kind,
                                           std::string_view what);
  void read_in_outage(call &call, const region &home, std::string_view key, reading &seen);
  void went_without(call &call, region &home, const error &failed);
  void answered();

  // hearing.cpp
  struct expected {
    near_region *copies = nullptr;
    uint64_t hash = 0;
    int64_t asked_ms = 0;
    uint64_t ticket = 0;
    uint64_t marker_ticket = 0;
    telling entry;
    telling marker;
  };
  [[nodiscard]] expected expect(const region &home, names at, std::string_view key);
  void keep_copy(region &home, names at, std::string_view key, const expected &before, const reading &seen);
  [[nodiscard]] telling telling_of(std::string_view name);
  static void changed(void *self, const cachecore_value *keys);
  void key_changed(std::string_view name);

  // lookup.cpp
  task<value> lookup_there(call &call, region_ref home, std::string_view key, asking why);
  [[nodiscard]] bool find_near(call &call, region &home, std::string_view key, near_copy &out);
  [[nodiscard]] value near_answer(call &call, const near_copy &copy);
  [[nodiscard]] bool due_early(const policy &how, int64_t left_ms, uint32_t load_ms) const;
  [[nodiscard]] static bool may_wait(const flight &there, const reading &seen);
  [[nodiscard]] static bool may_have(const flight &there, const pass &waiter, const reading &seen, tag_list tags);
  value answer(call &call, const char *state, const value &data, const value &age_ms, const value &lease = {}) const;
  value answer_found(call &call, const char *state, const reading &seen) const;
  void leave(const flight_ref &there);

  // elsewhere.cpp
  task<beginning> begin(call &call, region_ref home, names at, std::string_view key, reading &seen, flight_ref there,
                        asking why);
  task<beginning> begin_load(call &call, region_ref home, names at, std::string_view key, reading seen,
                             flight_ref there);
  task<void> wait_for_word(call &call, flight_ref there, int64_t longest_ms, int64_t round);
  task<void> release(call &call, std::string_view entry, std::string_view token, std::string_view message,
                     int64_t note_ms);
  void release_later(std::string_view entry, std::string_view token);

  // sealing.cpp
  std::string_view wrap(call &call, const policy &how, std::string_view entry, const encoded &plain, uint8_t &coding);
  // False: it cannot be opened.
  [[nodiscard]] bool unwrap(call &call, region &home, std::string_view entry, entry_view &stored);

  // values.cpp
  static encoded encode(call &call, const policy &how, const value &data);
  static value decode(call &call, char format, std::string_view bytes);
  // Bytes that may go before the call does.
  static value decode(call &call, const content &loaded);
  // How long something stored now is fresh, and how long it lives. 0: it is not stored at all.
  std::pair<int64_t, int64_t> lifetimes(const policy &how, const encoded &data, std::optional<int64_t> ttl_ms) const;
  static tag_list tags_of(call &call, const policy &how, list_view given);
  std::string random_bytes() const;  // 8 of them
  double random_part() const;        // 0 to 1

  // watches.cpp: the background invocations.
  task<void> watch_leases(call &call);
  task<void> watch_requests(call &call);
  task<void> watch_polls(call &call);
  task<void> release_left(call &call);
  void start_lease_watch();
  void start_request_watch();
  void start_poll_watch();

  void check_policy(const policy &how);

  host &host_;
  const sealing_keys keys_;
  near_report near_report_;
  regions regions_;
  flights flights_;
  patience patience_;
  outage outage_;
  std::mutex tracking_mutex_;  // while it is begun
  std::atomic<cachecore_tracking *> tracking_{nullptr};

  // Leases in Redis whose loads nobody will do: entry and token. Released by a background invocation.
  std::mutex left_mutex_;
  std::vector<std::pair<std::string, std::string>> left_leases_;
};

}  // namespace cache_plugin
