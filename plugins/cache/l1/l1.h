// l1.h: the near cache: copies of values in this process, bounded in bytes, read by all threads at once.
//
// It is a map from a key's bytes to a copy: the value's bytes and the facts that say whether it may be served
// (copy_facts). It knows neither Redis nor a clock nor regions: what a copy's facts mean, and whether it has ended, is
// judged by whoever reads it.
//
// ## Reading
//
// A hit takes no lock and allocates nothing. `find` announces itself in the counter of the CPU it runs on, follows the
// slot of the table to the copy, gives it to the caller's function (which copies out what it needs) and leaves. What is
// taken out of the table meanwhile is freed only when all who were reading at that moment have left: epoch based
// reclamation (Fraser, "Practical lock-freedom", 2004) with one pair of counters a CPU, so that threads need not be
// registered, may come and go and share nothing while they read (readers.h). Rejected: a lock a shard, which the two
// hottest keys of a zipf trace share whatever the number of shards, and which would be held while a large value is
// copied; a reference count in the copy, which is the same line for all who read a hot key.
//
// A hit is recorded for eviction by writing the copy's address into a ring of the same CPU, without an atomic
// read-modify-write: under contention records are lost, never waited for, as in Caffeine's striped read buffers.
// Whoever fills a ring tries for the writer's lock and, if it is free, applies what all rings hold; else the record is
// dropped.
//
// ## Writing
//
// All that changes the table or the queues (put, erase, eviction, the application of recorded hits) runs under one
// mutex. It is held for a microsecond or so, by those who have just been to Redis or heard from it. The table is cut
// into segments, so that growing moves one of them at a time and a pass over everything lets others in between.
//
// ## Placeholders
//
// A copy may be kept only if no invalidation came between the moment before its value was asked for and now, since
// Redis' message may overtake the reply. So who is going to read asks `expect` for a ticket, and `put` refuses a copy
// whose ticket is no longer right. Nothing is stored for it: a ticket is the number of invalidations that were seen by
// one of some thousand counters, chosen by the key's hash, and the number of those that were about everything. A reader
// that gives up leaves nothing behind, readers of one key do not disturb each other, and an old copy stays in place
// while a new one is read. Two keys of one counter can make a put refused for the other's invalidation, which costs one
// read and never shows what was invalidated.
//
//     ticket = l1.expect(hash)        before the read is sent
//     put(..., ticket)                kept, unless erase(key), erase_if or erase_all came since
//
// ## Eviction
//
// Window-TinyLFU: new copies enter a small LRU window; what falls out of it has to be used more often than what it
// would push out of the main part, an LRU in two segments (probation and protected), by a count-min sketch of 4-bit
// counters that ages by halving. A copy of many bytes must be worth the sum of the copies that would have to go for it.
// How large the window is, from nothing to almost all, is found at run time by hill climbing on the hit ratio: a
// frequency-biased trace gets a small one, a recency-biased trace a large one. eviction.h tells how; the papers are
//
// - G. Einziger, R. Friedman, B. Manes: TinyLFU: A Highly Efficient Cache Admission Policy. ACM Transactions on Storage
//   13(4), 2017.
// - G. Einziger, O. Eytan, R. Friedman, B. Manes: Adaptive Software Cache Management. Middleware 2018.
// - G. Einziger, O. Eytan, R. Friedman, B. Manes: Lightweight Robust Size Aware Cache Management. ACM Transactions on
//   Storage 18(3), 2022.
//
// ## Bytes
//
// max_bytes bounds all memory of the near cache: blocks as malloc rounds them with its header (copy.h has the layout),
// tables, sketch, counters, rings, and what has been taken out but is still held for a reader. A put that would go
// beyond evicts first; when that is not enough because readers still hold what was evicted, it is refused.
//
// Thread rule: any thread, except for the constructor and destructor. After a fork the child makes a new one and leaves
// this one alone, without destroying it: its mutex and counters may be in any state.
// Invariants, with the mutex free: what the table refers to is in exactly one queue, and the other way round; bytes()
// is the sum of what it is made of, and at most max_bytes.
#pragma once

#include <memory>
#include <type_traits>

#include "copy.h"
#include "readers.h"
#include "table.h"

namespace cache_plugin {

struct near_limits {
  // Of everything: values, keys, bookkeeping. At least near_cache::least_bytes.
  size_t max_bytes = 0;
  // Of copies; 0: as many as max_bytes allows.
  size_t max_entries = 0;
  // For the replay of traces: a copy weighs what its value is said to have, and the bytes of values are not kept;
  // memory besides is not counted. Rings are those of a single CPU, so that a replay comes out the same each time.
  bool sizes_only = false;
};

class near_cache {
 public:
  static constexpr size_t least_bytes = size_t{64} << 10;

  enum class outcome : uint8_t {
    kept,
    overtaken,  // by an invalidation: the ticket is not right any more
    refused,    // it does not fit: the key is beyond 65,535 bytes, the copy beyond the limits, or there is no memory
  };

  struct figures {
    size_t bytes;
    size_t entries;
    uint64_t evictions;
    double window;  // the part of the limits that the window has now
  };

  explicit near_cache(const near_limits &limits);
  near_cache(const near_cache &) = delete;
  near_cache &operator=(const near_cache &) = delete;
  // Nobody is inside any more.
  ~near_cache();

  // Finds the copy of a key and calls `use(const copy_view &)` with it, which says (bool) whether the copy was of use:
  // only then the hit is recorded. Returns what it said; false when there is no copy. `use` must not block, throw or
  // keep the view. `hash` is of 64 well mixed bits; hash.h has one.
  template <typename Use>
  bool find(std::string_view key, uint64_t hash, Use &&use);

  // See "Placeholders".
  [[nodiscard]] uint64_t expect(uint64_t hash) const noexcept;

  // Keeps a copy in the place of any other of the key; when it is refused, an older one goes all the same. `now_ms`, of
  // the same clock as the facts: copies that have ended by then are the first to be evicted.
  outcome put(std::string_view key, uint64_t hash, const copy_facts &facts, std::string_view value, uint64_t ticket,
              int64_t now_ms);

  // With sizes_only: a copy whose value is said to have so many bytes, and that does not end.
  outcome put_size(std::string_view key, uint64_t hash, size_t size, int64_t now_ms);

  // The key was changed: takes its copy out, and makes all tickets of the key void. Whether there was a copy.
  bool erase(std::string_view key, uint64_t hash);
  // Everything may have changed. Returns how many copies there were, as do the two below.
  size_t erase_all();
  // Takes out all copies for which `ends(const copy_view &)` says true, and makes all tickets void. `ends` runs with
  // the writer's mutex held: it must not block, throw or call the near cache. Costs a pass over all copies, during
  // which others are let in.
  template <typename Ends>
  size_t erase_if(Ends &&ends) {
    return erase_where(call_of<Ends>, &ends);
  }
  // Takes out the copy of a key if `ends` says so. For copies that were found to have ended: tickets stay right.
  template <typename Ends>
  bool drop_if(std::string_view key, uint64_t hash, Ends &&ends) {
    return drop_where(key, hash, call_of<Ends>, &ends);
  }

  [[nodiscard]] figures now() const;

 private:
  // What is written while the mutex is held. Apart from the rest, so that hits do not touch its lines.
  struct writer;

  using ends_function = bool (*)(void *state, const copy_view &);
  template <typename Ends>
  static bool call_of(void *state, const copy_view &copy) {
    return (*static_cast<std::remove_reference_t<Ends> *>(state))(copy);
  }
  size_t erase_where(ends_function ends, void *state);
  bool drop_where(std::string_view key, uint64_t hash, ends_function ends, void *state);
  // Applies recorded hits, unless another writes now.
  void apply_recorded() noexcept;

  outcome put_block(std::string_view key, uint64_t hash, const copy_facts &facts, const char *value, size_t size,
                    uint64_t ticket, int64_t now_ms);

  // How many counters tickets are made of.
  static constexpr size_t tickets = 1024;

  std::unique_ptr<std::atomic<uint32_t>[]> tickets_;
  std::atomic<uint64_t> everything_{0};
  near_table table_;
  // One of so many hits is recorded; 0: none.
  std::atomic<unsigned> sampling_{0};
  near_readers readers_;
  std::unique_ptr<writer> writer_;
};

template <typename Use>
bool near_cache::find(std::string_view key, uint64_t hash, Use &&use) {
  bool used = false;
  bool full = false;
  {
    near_readers::reading inside(readers_);
    copy_block *found = table_.find(key, hash);
    if (found == nullptr) return false;
    used = use(copy_view(*found));
    if (used) full = inside.record(found, sampling_.load(std::memory_order_relaxed));
  }
  if (full) apply_recorded();
  return used;
}

}  // namespace cache_plugin
