// compress.h: what stands behind the service "compress/1" of plugin.h (zstd).
//
// A compressed value is one zstd frame that says its size and ends with a checksum, so that a value that was cut,
// damaged or never was one is CORRUPT and nothing is decompressed into less memory than it needs. What would be larger
// than max_original_size (no value of Redis is) is refused both ways, so a few bytes can never ask for more memory than
// that.
//
// Contexts are what zstd is slow to make (28 us, against 2 to 5 us for compressing 200 bytes), and up to 0.6 MB each.
// So a few are kept for all threads; a thread that finds none makes its own.
//
// Thread rule: every function of the table may run on any thread, at any time, in a fork's child too: there are no
// locks.
#pragma once

#include <cachecore/plugin.h>

namespace cachecore_internal {

constexpr size_t max_original_size = size_t{512} << 20;

// The table, static; null where the core was built without zstd.
//
// A null pointer with a size, a larger original than max_original_size (whose `bound` is 0) and too small a capacity
// are INVALID_ARGUMENT. `*out_size` is 0 on failure.
const cachecore_compress_service *compress_service() noexcept;

}  // namespace cachecore_internal
