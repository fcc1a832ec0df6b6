// cache.h: read-through caching by leases.
//
// The problem: many callers, in any language, ask at once for what only a slow source knows, and others change it
// meanwhile. The answer: a lookup either has the value, or waits for whoever loads it, or is the one that loads, with a
// lease that `store` or `fail` ends. Loading is done by the caller, so no code of the caller's ever runs in here.
//
// What guards what:
//
// - Loads of one process: flights.h, the state machine of leases and those who wait.
// - Loads against deletes and sets, in all processes: a key's lease in Redis. A load begins by writing it or finding it
//   (scripts/begin.lua), a store needs it (scripts/store.lua), and delete and set remove it. So a store either comes
//   before the delete and is deleted by it, or finds its lease gone. A lease that expired is as good as deleted.
// - Loads against invalidations by pattern: the region's marker (marker.h), whose epoch an entry carries from before
//   its load; every read compares.
// - Lookups against loads that an invalidation overtook: whoever waits for a flight has seen, in a read of its own, the
//   flight's lease in Redis and a marker that admits it, or found a flight that had not begun to load (lookup.cpp).
// - Redis that is away: lookups load without it, once a process (patience.h, outage.h). What such a load gives is not
//   stored.
//
// README.md has the methods, the keys and what they cost; entry.h and marker.h what lies in Redis.
#pragma once

#include "flights.h"
#include "outage.h"
#include "patience.h"

namespace cache_plugin {

// The keys of one entry, in the memory of the call.
struct names {
  std::string_view entry;
  std::string_view lease;
  std::string_view marker;
};

// What one look into Redis showed.
struct reading {
  bool away = false;                    // it did not answer
  std::string_view id;                  // of what is stored, also where it is of no use
  std::optional<entry_view> found;      // what is stored and was not invalidated
  int64_t age_ms = 0;                   // of it
  std::string_view lease;               // the token of the key's lease, empty when there is none
  std::shared_ptr<const marker> marks;  // null where there is none

  [[nodiscard]] bool fresh() const noexcept { return found && age_ms < found->ttl_ms; }
  [[nodiscard]] bool stale() const noexcept { return found && !fresh(); }
};

// A value on its way into Redis; `bytes` live as long as the call, or its arguments.
struct encoded {
  char format;
  std::string_view bytes;
};

class cache {
 public:
  cache(host &host, const value &config);

  // plugin.cpp
  task<void> define(call &call, std::string_view region, map_view policy);
  task<value> stats(call &call, std::optional<std::string_view> region);

  // lookup.cpp
  task<value> lookup(call &call, std::string_view region, std::string_view key, int64_t wait_ms);
  task<void> undo_lookup(call &call, value granted);

  // loads.cpp
  task<bool> store(call &call, std::string_view lease, value data, std::optional<int64_t> ttl_ms);
  task<void> fail(call &call, std::string_view lease, std::string_view message);

  // direct.cpp
  task<value> get(call &call, std::string_view region, std::string_view key);
  task<void> set(call &call, std::string_view region, std::string_view key, value data, std::optional<int64_t> ttl_ms);
  task<bool> remove(call &call, std::string_view region, std::string_view key);
  task<void> invalidate(call &call, std::string_view region, std::string_view pattern);

 private:
  // What became of a load that was to begin.
  struct beginning {
    std::optional<reading> newer;  // none is needed: this came meanwhile
    std::string token;             // of the lease in Redis; empty without Redis
    generation seen;
  };

  // reading.cpp
  [[nodiscard]] names names_of(call &call, const region &home, std::string_view key) const;
  task<reading> read(call &call, region_ref home, names at, std::string_view key);
  task<std::shared_ptr<const marker>> marker_of(call &call, region_ref home, names at, std::string_view header);
  task<std::shared_ptr<const marker>> mark(call &call, region_ref home, names at, std::string_view pattern);
  static void judge(reading &seen, const value &stored, const value &left_ms, std::string_view key);
  void went_without(call &call, region &home, const error &failed);
  void answered();

  // lookup.cpp
  task<beginning> begin_load(call &call, region_ref home, names at, std::string_view key, reading seen);
  value answer(call &call, const char *state, const value &data, const value &age_ms, const value &lease = {}) const;

  // values.cpp
  static encoded encode(call &call, const policy &how, const value &data);
  static value decode(call &call, char format, std::string_view bytes);
  // Bytes that may go before the call does.
  static value decode(call &call, const content &loaded);
  // How long something stored now is fresh, and how long it lives. 0: it is not stored at all.
  std::pair<int64_t, int64_t> lifetimes(const policy &how, const encoded &data, std::optional<int64_t> ttl_ms) const;
  std::string random_bytes() const;  // 8 of them

  // watches.cpp: the background invocations.
  task<void> watch_leases(call &call);
  task<void> watch_requests(call &call);
  void start_lease_watch();
  void start_request_watch();

  host &host_;
  regions regions_;
  flights flights_;
  patience patience_;
  outage outage_;
};

}  // namespace cache_plugin
