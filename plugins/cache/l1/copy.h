// copy.h: a copy of a value in the near cache, as one block of memory.
//
// Everything about a copy lies in one block, so that a hit touches the table's slot and then one run of cache lines:
//
//     at    size  what                                                       written by
//     0     8     stamp                                                      any reader (restamp)
//     8     8     the previous copy of its queue (48 bits), moved at (16)    the writer
//     16    8     the next copy of its queue (48 bits), queue (16)           the writer
//     24    8     born_ms (48 bits), flags (16)                              once, as everything below
//     32    8     origin (48 bits), size of the key (16)
//     40    4     how long it is fresh, in ms from born_ms
//     44    4     how long it may be served stale, in ms from born_ms
//     48    4     a part of the key's hash
//     52    4     size of the value
//     56          the key, and then the value
//
// 56 bytes, 8 of malloc, 8 on average that malloc rounds up, 9 to 12 of the table's slot (table.h) and 4 to 8 of the
// sketch (sketch.h): 85 to 92 bytes a copy beyond its key and value. What made them fit: an address takes 48 bits, and
// what is the same for very many copies (the server that tells of changes with its epoch, and the region) is said once,
// in an origin (origins.h). Times are kept in ms from the birth, so a copy lives 49 days at most.
//
// Thread rule: a block's first three words change, the rest is written before it is published and never again. A reader
// may hold a block while it is inside a `reading` (readers.h).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace cache_plugin {

// What is known of a copy besides its key and value. All of it is the caller's: the near cache has no clock and calls
// nobody. Times are ms of one clock of the caller's choice, at least 0.
struct copy_facts {
  int64_t born_ms = 0;            // when the value was right: its age is counted from here
  int64_t fresh_until_ms = 0;     // not before born_ms; at most 49 days behind it, later ones are cut
  int64_t stale_until_ms = 0;     // the same; from then on the copy is of no use to anybody
  const void *tracked = nullptr;  // who tells of its changes (tracking/1), and
  uint64_t epoch = 0;             // when that was; null: nobody does
  const void *scope = nullptr;    // whose copy it is: its region
  uint64_t stamp = 0;             // what the caller compares with the region's present marker; see copy_view::restamp
  uint16_t flags = 0;
};

// What very many copies share.
struct copy_origin {
  const void *tracked;
  uint64_t epoch;
  const void *scope;
};

// The block. Made and freed by near_cache alone.
struct copy_block {
  static constexpr size_t header_size = 56;
  static constexpr size_t longest_key = 65'535;
  static constexpr size_t longest_value = std::numeric_limits<uint32_t>::max();
  static constexpr uint64_t address_mask = (uint64_t{1} << 48) - 1;

  std::atomic<uint64_t> stamp;
  uint64_t previous_and_moved;
  uint64_t next_and_queue;
  uint64_t born_and_flags;
  uint64_t origin_and_key_size;
  uint32_t fresh_for;
  uint32_t stale_for;
  uint32_t hash;
  uint32_t value_size;

  [[nodiscard]] const char *bytes() const noexcept { return reinterpret_cast<const char *>(this) + header_size; }
  [[nodiscard]] size_t key_size() const noexcept { return origin_and_key_size >> 48; }
  [[nodiscard]] std::string_view key() const noexcept { return {bytes(), key_size()}; }
  [[nodiscard]] const copy_origin *origin() const noexcept {
    return reinterpret_cast<const copy_origin *>(origin_and_key_size & address_mask);
  }
  [[nodiscard]] int64_t born_ms() const noexcept { return static_cast<int64_t>(born_and_flags & address_mask); }
  [[nodiscard]] int64_t stale_until_ms() const noexcept { return born_ms() + stale_for; }

  // The writer's.
  [[nodiscard]] copy_block *previous() const noexcept { return block_at(previous_and_moved); }
  [[nodiscard]] copy_block *next() const noexcept { return block_at(next_and_queue); }
  [[nodiscard]] uint16_t moved() const noexcept { return static_cast<uint16_t>(previous_and_moved >> 48); }
  [[nodiscard]] uint16_t queue() const noexcept { return static_cast<uint16_t>(next_and_queue >> 48); }
  void set_previous(const copy_block *block) noexcept { set_address(previous_and_moved, block); }
  void set_next(const copy_block *block) noexcept { set_address(next_and_queue, block); }
  void set_moved(uint16_t moved) noexcept { set_upper(previous_and_moved, moved); }
  void set_queue(uint16_t queue) noexcept { set_upper(next_and_queue, queue); }

 private:
  [[nodiscard]] static copy_block *block_at(uint64_t word) noexcept {
    return reinterpret_cast<copy_block *>(word & address_mask);
  }
  static void set_address(uint64_t &word, const copy_block *block) noexcept {
    word = (word & ~address_mask) | reinterpret_cast<uintptr_t>(block);
  }
  static void set_upper(uint64_t &word, uint16_t upper) noexcept {
    word = (word & address_mask) | uint64_t{upper} << 48;
  }
};
static_assert(sizeof(copy_block) == copy_block::header_size);

// A copy as readers and predicates see it; valid until the function that it was given to returns.
class copy_view {
 public:
  explicit copy_view(copy_block &block) noexcept : block_(block) {}

  [[nodiscard]] std::string_view key() const noexcept { return block_.key(); }
  [[nodiscard]] std::string_view value() const noexcept {
    return {block_.bytes() + block_.key_size(), block_.value_size};
  }
  [[nodiscard]] int64_t born_ms() const noexcept { return block_.born_ms(); }
  [[nodiscard]] int64_t fresh_until_ms() const noexcept { return block_.born_ms() + block_.fresh_for; }
  [[nodiscard]] int64_t stale_until_ms() const noexcept { return block_.stale_until_ms(); }
  [[nodiscard]] const void *tracked() const noexcept { return block_.origin()->tracked; }
  [[nodiscard]] uint64_t epoch() const noexcept { return block_.origin()->epoch; }
  [[nodiscard]] const void *scope() const noexcept { return block_.origin()->scope; }
  [[nodiscard]] uint16_t flags() const noexcept { return static_cast<uint16_t>(block_.born_and_flags >> 48); }
  [[nodiscard]] uint64_t stamp() const noexcept { return block_.stamp.load(std::memory_order_acquire); }

  // Says that the copy was compared with a newer marker, and holds. The one fact that changes in place: whoever finds
  // an old stamp compares in full and writes the new one, so that the next hits compare one number. Of two threads that
  // do so at once either may be last; an older stamp costs a comparison, no more.
  void restamp(uint64_t stamp) const noexcept { block_.stamp.store(stamp, std::memory_order_release); }

 private:
  copy_block &block_;
};

}  // namespace cache_plugin
