// sketch.cpp: counters of 4 bits, sixteen a word.
#include "sketch.h"

#include <algorithm>
#include <new>
#include <utility>

#include "mix.h"

namespace cache_plugin {

namespace {

constexpr unsigned rows = 4;
constexpr uint64_t most = 15;

}  // namespace

near_sketch::near_sketch(size_t copies)
    : blocks_(std::max<size_t>((copies + copies_a_block - 1) / copies_a_block, 4)), at_(new block[blocks_]) {}

// The upper half of the mixed hash chooses the block, the lower the counters in it.
size_t near_sketch::block_of(uint32_t hash) const noexcept {
  return static_cast<size_t>(((near_mix(hash) >> 32) * blocks_) >> 32);
}

// Of the block's eight words each row has two, and a key one counter in one of them.
near_sketch::place near_sketch::place_of(uint64_t mixed, unsigned row) noexcept {
  const auto bits = static_cast<unsigned>(mixed >> (8 * row)) & 0xffu;
  return {row * 2 + (bits & 1), ((bits >> 1) & 15) * 4};
}

unsigned near_sketch::estimate(uint32_t hash) const noexcept {
  const block &in = at_[block_of(hash)];
  const uint64_t mixed = near_mix(hash);
  uint64_t least = most;
  for (unsigned row = 0; row < rows; row++) {
    const place there = place_of(mixed, row);
    least = std::min(least, (in.words[there.word] >> there.shift) & most);
  }
  return static_cast<unsigned>(least);
}

void near_sketch::count(uint32_t hash, unsigned uses) noexcept {
  block &in = at_[block_of(hash)];
  const uint64_t mixed = near_mix(hash);
  const uint64_t least = estimate(hash);
  if (least == most) return;
  const uint64_t raised = std::min(least + uses, most);
  for (unsigned row = 0; row < rows; row++) {
    const place there = place_of(mixed, row);
    const uint64_t now = (in.words[there.word] >> there.shift) & most;
    if (now < raised) in.words[there.word] += (raised - now) << there.shift;
  }
  counted_ += raised - least;
  if (counted_ >= uses_a_copy * copies()) age();
}

void near_sketch::age() noexcept {
  constexpr uint64_t without_the_highest_bits = 0x7777777777777777;
  for (size_t i = 0; i < blocks_; i++) {
    for (uint64_t &word : at_[i].words) word = (word >> 1) & without_the_highest_bits;
  }
  counted_ /= 2;
}

void near_sketch::fit(size_t copies) noexcept {
  if (growth(copies) == 0) return;
  std::unique_ptr<block[]> grown(new (std::nothrow) block[blocks_ * 2]);
  if (grown == nullptr) return;
  for (size_t i = 0; i < blocks_; i++) grown[2 * i] = grown[2 * i + 1] = at_[i];
  at_ = std::move(grown);
  blocks_ *= 2;
}

}  // namespace cache_plugin
