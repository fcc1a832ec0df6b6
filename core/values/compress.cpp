#include "core/values/compress.h"

#include "core/build_config.h"

#if CACHECORE_HAVE_ZSTD

#include <zstd.h>
#include <zstd_errors.h>

#include <array>
#include <atomic>
#include <memory>

namespace cachecore_internal {
namespace {

// Fast: the values of a cache are compressed while a caller waits. Higher levels gain little on texts of a few
// kilobytes.
constexpr int level = 1;

// Contexts nobody uses right now. One that a thread holds while another forks is lost to the child, and nothing more.
template <class T, auto make, auto release>
class context_pool {
 public:
  struct give_back {
    void operator()(T *context) const noexcept { context_pool::keep(context); }
  };
  using holder = std::unique_ptr<T, give_back>;

  // Null when there is no memory.
  static holder take() noexcept {
    for (std::atomic<T *> &slot : slots) {
      if (slot.load(std::memory_order_relaxed) == nullptr) continue;
      if (T *context = slot.exchange(nullptr, std::memory_order_acquire)) return holder(context);
    }
    return holder(make());
  }

 private:
  static void keep(T *context) noexcept {
    for (std::atomic<T *> &slot : slots) {
      T *empty = nullptr;
      if (slot.compare_exchange_strong(empty, context, std::memory_order_release, std::memory_order_relaxed)) return;
    }
    release(context);
  }

  static inline std::array<std::atomic<T *>, 4> slots{};
};

ZSTD_CCtx *make_compressor() noexcept {
  ZSTD_CCtx *context = ZSTD_createCCtx();
  if (context == nullptr) return nullptr;
  const bool set = ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)) == 0 &&
                   ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)) == 0;
  if (set) return context;
  ZSTD_freeCCtx(context);
  return nullptr;
}

using compressors = context_pool<ZSTD_CCtx, make_compressor, ZSTD_freeCCtx>;
using decompressors = context_pool<ZSTD_DCtx, ZSTD_createDCtx, ZSTD_freeDCtx>;

bool usable(const void *data, size_t size) noexcept { return data != nullptr || size == 0; }

size_t bound(size_t size) noexcept { return size > max_original_size ? 0 : ZSTD_compressBound(size); }

cachecore_status status_of_failure(size_t code, cachecore_status otherwise) noexcept {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
      return CACHECORE_NO_MEMORY;
    case ZSTD_error_dstSize_tooSmall:
      return CACHECORE_INVALID_ARGUMENT;
    default:
      return otherwise;
  }
}

cachecore_status compress(const void *data, size_t size, void *out, size_t capacity, size_t *out_size) noexcept {
  if (out_size == nullptr) return CACHECORE_INVALID_ARGUMENT;
  *out_size = 0;
  if (!usable(data, size) || !usable(out, capacity) || size > max_original_size) return CACHECORE_INVALID_ARGUMENT;
  const compressors::holder context = compressors::take();
  if (context == nullptr) return CACHECORE_NO_MEMORY;
  const size_t written = ZSTD_compress2(context.get(), out, capacity, data, size);
  if (ZSTD_isError(written) != 0) return status_of_failure(written, CACHECORE_INTERNAL);
  *out_size = written;
  return CACHECORE_OK;
}

cachecore_status original_size(const void *data, size_t size, size_t *out) noexcept {
  if (out == nullptr) return CACHECORE_INVALID_ARGUMENT;
  *out = 0;
  if (!usable(data, size)) return CACHECORE_INVALID_ARGUMENT;
  const unsigned long long found = ZSTD_getFrameContentSize(data, size);
  const bool unknown = found == ZSTD_CONTENTSIZE_UNKNOWN || found == ZSTD_CONTENTSIZE_ERROR;
  if (unknown || found > max_original_size) return CACHECORE_CORRUPT;
  *out = static_cast<size_t>(found);
  return CACHECORE_OK;
}

cachecore_status decompress(const void *data, size_t size, void *out, size_t capacity, size_t *out_size) noexcept {
  if (out_size == nullptr) return CACHECORE_INVALID_ARGUMENT;
  *out_size = 0;
  if (!usable(out, capacity)) return CACHECORE_INVALID_ARGUMENT;
  size_t expected = 0;
  const cachecore_status known = original_size(data, size, &expected);
  if (known != CACHECORE_OK) return known;
  if (expected > capacity) return CACHECORE_INVALID_ARGUMENT;
  if (ZSTD_findFrameCompressedSize(data, size) != size) return CACHECORE_CORRUPT;
  const decompressors::holder context = decompressors::take();
  if (context == nullptr) return CACHECORE_NO_MEMORY;
  const size_t written = ZSTD_decompressDCtx(context.get(), out, expected, data, size);
  if (ZSTD_isError(written) != 0) {
    const cachecore_status status = status_of_failure(written, CACHECORE_CORRUPT);
    return status == CACHECORE_INVALID_ARGUMENT ? CACHECORE_CORRUPT : status;  // it holds more than it says
  }
  if (written != expected) return CACHECORE_CORRUPT;
  *out_size = written;
  return CACHECORE_OK;
}

constexpr cachecore_compress_service table = {
    .struct_size = sizeof(cachecore_compress_service),
    .bound = bound,
    .compress = compress,
    .original_size = original_size,
    .decompress = decompress,
};

}  // namespace

const cachecore_compress_service *compress_service() noexcept { return &table; }

}  // namespace cachecore_internal

#else

namespace cachecore_internal {

const cachecore_compress_service *compress_service() noexcept { return nullptr; }

}  // namespace cachecore_internal

#endif
