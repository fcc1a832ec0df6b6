// table.cpp: what changes a segment.
#include "table.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace cache_plugin {

namespace {

constexpr size_t smallest = 8;
// How far ahead of the copy that is moved the next ones are fetched.
constexpr size_t ahead = 8;

}  // namespace

near_table::~near_table() {
  for (auto &segment : segments_) free(segment.load());
}

size_t near_table::bytes_of(const slots *table) noexcept {
  return malloc_usable_size(const_cast<slots *>(table)) + sizeof(size_t);
}

void near_table::free(slots *table) noexcept { std::free(table); }

size_t near_table::grown_size(size_t segment) const noexcept {
  const size_t live = live_[segment];
  return std::max(smallest, live + live / 2 + 1);
}

// As malloc rounds it, or a little more.
size_t near_table::bytes_for(size_t size) noexcept {
  return sizeof(slots) + size * sizeof(uint64_t) + 3 * sizeof(size_t);
}

near_table::slots *near_table::grow(size_t segment) noexcept {
  const size_t live = live_[segment];
  const size_t size = grown_size(segment);
  void *memory = std::malloc(sizeof(slots) + size * sizeof(std::atomic<uint64_t>));
  if (memory == nullptr) return nullptr;
  auto *grown = new (memory) slots{size, nullptr, nullptr};
  grown->at = reinterpret_cast<std::atomic<uint64_t> *>(grown + 1);
  for (size_t i = 0; i < size; i++) new (&grown->at[i]) std::atomic<uint64_t>(empty);
  if (const slots *old = segments_[segment].load()) {
    for (size_t i = 0; i < old->size; i++) {
      if (i + ahead < old->size) __builtin_prefetch(block_of(old->at[i + ahead].load(std::memory_order_relaxed)));
      const uint64_t word = old->at[i].load(std::memory_order_relaxed);
      if (word == empty || word == taken_out) continue;
      size_t to = first_slot(block_of(word)->hash, size);
      while (grown->at[to].load(std::memory_order_relaxed) != empty) to = to + 1 == size ? 0 : to + 1;
      grown->at[to].store(word, std::memory_order_relaxed);
    }
    bytes_ -= bytes_of(old);
  }
  bytes_ += bytes_of(grown);
  used_[segment] = live;
  return grown;
}

void near_table::insert(copy_block *block, uint64_t hash, const copy_block *old) noexcept {
  const size_t segment = segment_of(hash);
  const slots *in = segments_[segment].load();
  const uint64_t word = tag_of(hash) << 48 | reinterpret_cast<uintptr_t>(block);
  for (size_t i = first_slot(block->hash, in->size);; i = i + 1 == in->size ? 0 : i + 1) {
    const uint64_t there = in->at[i].load();
    if (old != nullptr ? block_of(there) != old : there != empty && there != taken_out) continue;
    in->at[i].store(word);
    if (there == empty) used_[segment]++;
    if (old == nullptr) live_[segment]++;
    return;
  }
}

void near_table::erase(const copy_block *block) noexcept {
  const size_t segment = segment_of(block->hash);
  const slots *in = segments_[segment].load();
  for (size_t i = first_slot(block->hash, in->size);; i = i + 1 == in->size ? 0 : i + 1) {
    if (block_of(in->at[i].load()) != block) continue;
    live_[segment]--;
    const size_t next = i + 1 == in->size ? 0 : i + 1;
    if (in->at[next].load() != empty) {
      in->at[i].store(taken_out);
      return;
    }
    // Nobody searches beyond this one: it and the marks before it can be empty again.
    for (;;) {
      in->at[i].store(empty);
      used_[segment]--;
      i = i == 0 ? in->size - 1 : i - 1;
      if (in->at[i].load() != taken_out) return;
    }
  }
}

}  // namespace cache_plugin
