// sketch.h: how often a key was used lately: a count-min sketch of 4-bit counters (TinyLFU; the layout is Caffeine's).
//
// A key's four counters lie in one block of 64 bytes, one in each quarter of it, so that counting touches one cache
// line. A use raises those of the four that are lowest (conservative update); the estimate is the least of them. When
// sixteen uses a copy have been counted, all counters are halved: what was popular once is forgotten.
//
// There are 128 counters for 8 copies. When the cache holds twice as many copies, the sketch doubles: every block
// is copied to the two that its keys now spread over, so that no estimate is lost.
//
// Thread rule: the writer's, with its mutex held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace cache_plugin {

class near_sketch {
 public:
  // For so many copies. Throws std::bad_alloc.
  explicit near_sketch(size_t copies);

  void count(uint32_t hash, unsigned uses) noexcept;
  [[nodiscard]] unsigned estimate(uint32_t hash) const noexcept;  // 0..15

  // Bytes that it takes more to be large enough for so many copies; 0: it is.
  [[nodiscard]] size_t growth(size_t copies) const noexcept { return copies > this->copies() * 2 ? bytes() : 0; }
  // Doubles if it is too small for so many copies and there is memory.
  void fit(size_t copies) noexcept;

  [[nodiscard]] size_t copies() const noexcept { return blocks_ * copies_a_block; }
  [[nodiscard]] size_t bytes() const noexcept { return blocks_ * sizeof(block); }

 private:
  static constexpr size_t copies_a_block = 8;
  static constexpr uint64_t uses_a_copy = 16;

  struct alignas(64) block {
    std::array<uint64_t, 8> words{};
  };
  struct place {
    size_t word;
    unsigned shift;
  };

  [[nodiscard]] size_t block_of(uint32_t hash) const noexcept;
  [[nodiscard]] static place place_of(uint64_t mixed, unsigned row) noexcept;
  void age() noexcept;

  size_t blocks_;
  std::unique_ptr<block[]> at_;
  uint64_t counted_ = 0;
};

}  // namespace cache_plugin
