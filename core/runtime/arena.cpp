#include "core/runtime/arena.h"

#include <cstdlib>
#include <limits>
#include <new>

#include "core/failure.h"

#if defined(__SANITIZE_ADDRESS__)
#define CACHECORE_BLOCK_CACHE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CACHECORE_BLOCK_CACHE 0
#endif
#endif
#ifndef CACHECORE_BLOCK_CACHE
#define CACHECORE_BLOCK_CACHE 1  // off under AddressSanitizer, which then sees every use after free
#endif

namespace cachecore_internal {
namespace {

// Blocks this thread freed and may use again. Trivially destructible on purpose: blocks may still be freed by other
// thread-local destructors after `drain_at_exit` ran, which then must not be kept.
struct block_cache {
  static constexpr uint32_t limit = 1024;  // what a window of some hundred operations takes and gives back in turn
  memory_block *head;
  uint32_t count;
  bool closed;
};

thread_local block_cache cache [[gnu::tls_model("initial-exec")]] = {nullptr, 0, false};

struct drain_at_exit {
  bool armed = false;
  drain_at_exit() = default;
  drain_at_exit(const drain_at_exit &) = delete;
  drain_at_exit &operator=(const drain_at_exit &) = delete;
  ~drain_at_exit() {
    cache.closed = true;
    while (cache.head != nullptr) {
      memory_block *block = cache.head;
      cache.head = block->next;
      std::free(block);
    }
    cache.count = 0;
  }
};

thread_local drain_at_exit drain;

memory_block *allocate_block(size_t capacity) {
  void *memory = std::aligned_alloc(alignof(memory_block), (sizeof(memory_block) + capacity + 15) & ~size_t{15});
  if (memory == nullptr) throw std::bad_alloc();
  auto *block = static_cast<memory_block *>(memory);
  block->next = nullptr;
  block->used = 0;
  block->capacity = static_cast<uint32_t>(capacity);
  return block;
}

}  // namespace

memory_block *acquire_block(size_t capacity) {
  if (capacity > std::numeric_limits<uint32_t>::max() - 64) throw std::bad_alloc();
  if (capacity > arena::common_capacity) return allocate_block(capacity);
  if (CACHECORE_BLOCK_CACHE && cache.head != nullptr) {
    memory_block *block = cache.head;
    cache.head = block->next;
    cache.count--;
    block->next = nullptr;
    block->used = 0;
    return block;
  }
  return allocate_block(arena::common_capacity);
}

void release_blocks(memory_block *chain) noexcept {
  while (chain != nullptr) {
    memory_block *next = chain->next;
    if (CACHECORE_BLOCK_CACHE && chain->capacity == arena::common_capacity && cache.count < block_cache::limit &&
        !cache.closed) {
      if (cache.head == nullptr) drain.armed = true;  // the first use registers the destructor
      chain->next = cache.head;
      cache.head = chain;
      cache.count++;
    } else {
      std::free(chain);
    }
    chain = next;
  }
}

void *arena::allocate_slow(size_t rounded, size_t size) {
  if (rounded < size) throw std::bad_alloc();
  // Many small allocations after the first block come in larger blocks; a large one gets a block of its own behind the
  // current one, which keeps being filled.
  constexpr size_t growth_capacity = 8192 - sizeof(memory_block);
  const bool large = rounded > growth_capacity / 2;
  memory_block *block = acquire_block(large ? rounded : (head_ == nullptr ? common_capacity : growth_capacity));
  if (block->capacity < rounded) {
    release_blocks(block);
    block = acquire_block(rounded);
  }
  if (large && head_ != nullptr) {
    block->next = head_->next;
    head_->next = block;
  } else {
    block->next = head_;
    head_ = block;
  }
  block->used = static_cast<uint32_t>(rounded);
  return block + 1;
}

void arena::adopt(arena &other) noexcept {
  memory_block *chain = other.detach();
  if (chain == nullptr) return;
  if (head_ == nullptr) {
    head_ = chain;
    return;
  }
  memory_block *last = chain;
  while (last->next != nullptr) last = last->next;
  last->next = head_->next;
  head_->next = chain;
}

size_t arena::footprint() const noexcept {
  size_t total = 0;
  for (const memory_block *block = head_; block != nullptr; block = block->next) {
    total += sizeof(memory_block) + block->capacity;
  }
  return total;
}

namespace {

cachecore_value copy_tree(arena &memory, const cachecore_value &value, int depth) {
  if (depth > max_value_depth) {
    throw failure(CACHECORE_INVALID_ARGUMENT, "a value may be nested at most 64 levels deep");
  }
  cachecore_value out = value;
  switch (value.kind) {
    case CACHECORE_BYTES:
    case CACHECORE_ERROR:
      out.as.bytes.data = memory.copy(std::string_view(value.as.bytes.data, value.as.bytes.size));
      break;
    case CACHECORE_LIST: {
      auto *items = memory.allocate_array<cachecore_value>(value.as.list.count);
      for (size_t i = 0; i < value.as.list.count; i++) items[i] = copy_tree(memory, value.as.list.items[i], depth + 1);
      out.as.list.items = items;
      break;
    }
    case CACHECORE_MAP: {
      auto *pairs = memory.allocate_array<cachecore_pair>(value.as.map.count);
      for (size_t i = 0; i < value.as.map.count; i++) {
        pairs[i].key = copy_tree(memory, value.as.map.pairs[i].key, depth + 1);
        pairs[i].value = copy_tree(memory, value.as.map.pairs[i].value, depth + 1);
      }
      out.as.map.pairs = pairs;
      break;
    }
    default:
      break;
  }
  return out;
}

}  // namespace

cachecore_value arena::copy(const cachecore_value &value) { return copy_tree(*this, value, 0); }

}  // namespace cachecore_internal
