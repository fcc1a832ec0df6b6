// bloom.h: a filter of the keys that exist, in a bitmap of Redis.
//
// Against lookups of keys that nobody has (wrong ids, attacks): each would cost a load. The filter never says of a key
// that was added that it is not there, and says of others that they may be with the probability error_rate.
//
//     cache:b:{REGION}:BITS:HASHES   bit 0: the filter is complete; then BITS bits, of which a key sets HASHES
//
// Which bits are a key's follows from its SHA-256, so it is the same in every process and version. A filter is of use
// only when it has all keys that exist, so it refuses nothing before bloom_add has said so; one that was lost
// (eviction, FLUSHALL) refuses nothing until that is said again. A filter of another size is another key, and begins
// empty.
//
// B. H. Bloom: Space/time trade-offs in hash coding with allowable errors. CACM 13(7), 1970. Two hashes make all of
// them: A. Kirsch, M. Mitzenmacher: Less Hashing, Same Performance. ESA 2006.
#pragma once

#include <cstdint>

namespace cache_plugin {

struct bloom_size {
  int64_t bits = 0;  // 0: there is no filter
  int64_t hashes = 0;

  static constexpr int64_t most_bits = (int64_t{1} << 32) - 2;  // what a bitmap of Redis holds
  static constexpr int64_t most_hashes = 16;

  // Throws INVALID_ARGUMENT.
  static bloom_size of(int64_t capacity, double error_rate);
};

}  // namespace cache_plugin
