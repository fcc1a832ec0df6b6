// table.h: from a key's hash to its copy: open addressing, in segments.
//
// A slot is one word: the copy's address in the lower 48 bits, and 16 bits of the key's hash above them, so that copies
// of other keys are passed by without being touched. A search starts at the slot that the hash's lower bits say and
// goes on to the next until it finds the key or an empty slot. What is taken out leaves a mark (unless an empty slot
// follows), which later insertions use again.
//
// A segment that is seven eighths full is written anew into a larger table, 9 to 12 bytes a copy; the old one stays as
// it was for those who are reading in it. A copy therefore never moves in a table that is searched, and a search that
// began before a key was taken out may find it, one that begins afterwards does not.
//
// The bits of a hash: 31..26 the segment, 25..0 the slot in it (which a copy keeps), 63..48 the tag.
//
// Thread rule: `find` any thread that is inside a `reading`; everything else is the writer's, with its mutex held.
#pragma once

#include <array>
#include <cstring>

#include "copy.h"

namespace cache_plugin {

class near_table {
 public:
  static constexpr size_t segment_count = 64;

  struct slots {
    size_t size;
    slots *next_retired;
    std::atomic<uint64_t> *at;  // behind this header, in the same block
  };

  near_table() = default;
  near_table(const near_table &) = delete;
  near_table &operator=(const near_table &) = delete;
  ~near_table();

  // Null: there is none.
  [[nodiscard]] copy_block *find(std::string_view key, uint64_t hash) const noexcept {
    const slots *in = segments_[segment_of(hash)].load();
    if (in == nullptr) return nullptr;
    for (size_t i = first_slot(static_cast<uint32_t>(hash), in->size);; i = i + 1 == in->size ? 0 : i + 1) {
      const uint64_t word = in->at[i].load();
      if (word == empty) return nullptr;
      if (word >> 48 != tag_of(hash) || word == taken_out) continue;
      auto *block = block_of(word);
      if (block->key_size() == key.size() && std::memcmp(block->bytes(), key.data(), key.size()) == 0) return block;
    }
  }

  // Bytes that a larger table for one more in the hash's segment takes; 0: there is room.
  [[nodiscard]] size_t growth(uint64_t hash) const noexcept {
    const size_t segment = segment_of(hash);
    return has_room(segment) ? 0 : bytes_for(grown_size(segment));
  }

  // Makes room for one more in the hash's segment. False: no memory. What is replaced is given to `retire(slots *)`.
  template <typename Retire>
  bool reserve(uint64_t hash, Retire &&retire) {
    const size_t segment = segment_of(hash);
    slots *old = segments_[segment].load();
    if (has_room(segment)) return true;
    slots *grown = grow(segment);
    if (grown == nullptr) return false;
    segments_[segment].store(grown);
    if (old != nullptr) retire(old);
    return true;
  }

  // After reserve: puts a copy in the place of `old`, or where there is none of the key.
  void insert(copy_block *block, uint64_t hash, const copy_block *old) noexcept;
  void erase(const copy_block *block) noexcept;

  [[nodiscard]] static size_t segment_of(uint64_t hash) noexcept { return static_cast<uint32_t>(hash) >> 26; }

  // All copies of a segment. `visit(copy_block &)` may erase the one it is given.
  template <typename Visit>
  void for_each(size_t segment, Visit &&visit) {
    const slots *in = segments_[segment].load();
    if (in == nullptr) return;
    for (size_t i = 0; i < in->size; i++) {
      const uint64_t word = in->at[i].load();
      if (word != empty && word != taken_out) visit(*block_of(word));
    }
  }

  // Of the tables in use.
  [[nodiscard]] size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] static size_t bytes_of(const slots *table) noexcept;
  static void free(slots *table) noexcept;

 private:
  static constexpr uint64_t empty = 0;
  static constexpr uint64_t taken_out = 1;  // no block has this address

  [[nodiscard]] static uint64_t tag_of(uint64_t hash) noexcept { return hash >> 48; }
  [[nodiscard]] static size_t first_slot(uint32_t hash, size_t size) noexcept {
    return static_cast<size_t>((uint64_t{hash << 6} * size) >> 32);
  }
  [[nodiscard]] static copy_block *block_of(uint64_t word) noexcept {
    return reinterpret_cast<copy_block *>(word & copy_block::address_mask);
  }
  [[nodiscard]] bool has_room(size_t segment) const noexcept {
    const slots *in = segments_[segment].load();
    return in != nullptr && (used_[segment] + 1) * 8 <= in->size * 7;
  }
  [[nodiscard]] size_t grown_size(size_t segment) const noexcept;
  [[nodiscard]] static size_t bytes_for(size_t size) noexcept;
  [[nodiscard]] slots *grow(size_t segment) noexcept;

  std::array<std::atomic<slots *>, segment_count> segments_{};
  std::array<size_t, segment_count> used_{};  // slots that are not empty
  std::array<size_t, segment_count> live_{};  // copies
  size_t bytes_ = 0;
};

}  // namespace cache_plugin
