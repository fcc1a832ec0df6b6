// arena.h: memory that is freed all at once.
//
// A result, its value tree, the coroutine frames that made it and the invocation itself live in one arena: a chain of
// blocks. The first block holds the arena's owner (see create_in_block), so a small call costs one allocation, and that
// one comes from a cache of blocks the thread kept.
//
// Thread rule: an arena is used by one thread at a time. Blocks may be freed on another thread than the one that made
// them. Invariants: allocations are aligned to 16; a block is in exactly one chain; adopting moves blocks, never bytes.
#pragma once

#include <cachecore/value.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cachecore_internal {

struct alignas(16) memory_block {
  memory_block *next;
  uint32_t used;      // bytes after this header
  uint32_t capacity;  // bytes after this header
};

// Blocks of the common size come from and go to a small cache of this thread. `capacity` is the least that is needed.
memory_block *acquire_block(size_t capacity);  // throws std::bad_alloc
void release_blocks(memory_block *chain) noexcept;

class arena {
 public:
  static constexpr size_t common_capacity = 1024 - sizeof(memory_block);

  arena() = default;
  explicit arena(memory_block *first) noexcept : head_(first) {}
  arena(const arena &) = delete;
  arena &operator=(const arena &) = delete;
  ~arena() { release_blocks(head_); }

  // Throws std::bad_alloc. Size 0 gives a valid pointer.
  void *allocate(size_t size) {
    const size_t rounded = (size + 15) & ~size_t{15};
    if (head_ != nullptr && rounded <= head_->capacity - head_->used && rounded >= size) {
      void *memory = reinterpret_cast<char *>(head_ + 1) + head_->used;
      head_->used += static_cast<uint32_t>(rounded);
      return memory;
    }
    return allocate_slow(rounded, size);
  }

  template <class T>
  T *allocate_array(size_t count) {
    return static_cast<T *>(allocate(count * sizeof(T)));
  }

  // A copy with a NUL behind it.
  const char *copy(std::string_view text) {
    char *out = static_cast<char *>(allocate(text.size() + 1));
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    out[text.size()] = '\0';
    return out;
  }

  cachecore_value copy_bytes(std::string_view text) { return cachecore_bytes(copy(text), text.size()); }

  // A deep copy of a tree whose depth is at most `max_depth`; throws failure(INVALID_ARGUMENT) beyond it.
  cachecore_value copy(const cachecore_value &value);

  // Makes `first`, in which the owner of this arena stands, its first block. Only for an empty arena.
  void begin(memory_block *first) noexcept { head_ = first; }

  // Takes over all blocks of `other`, which is empty afterwards.
  void adopt(arena &other) noexcept;

  // Gives up the chain: the caller frees it with release_blocks.
  memory_block *detach() noexcept {
    memory_block *chain = head_;
    head_ = nullptr;
    return chain;
  }

  [[nodiscard]] size_t footprint() const noexcept;

 private:
  void *allocate_slow(size_t rounded, size_t size);

  memory_block *head_ = nullptr;  // the block that is being filled; full and adopted ones follow
};

constexpr int max_value_depth = 64;

}  // namespace cachecore_internal
