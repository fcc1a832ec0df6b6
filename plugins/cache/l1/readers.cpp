// readers.cpp: lanes and epochs.
#include "readers.h"

#include <unistd.h>

#include <bit>

namespace cache_plugin {

namespace {

size_t lanes_for_cpus() {
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  return cpus < 1 ? 1 : static_cast<size_t>(cpus);
}

}  // namespace

near_readers::near_readers(size_t lanes)
    : mask_(std::bit_ceil(std::min(lanes == 0 ? lanes_for_cpus() : lanes, most_lanes)) - 1),
      lanes_(new lane[mask_ + 1]),
      taken_(new uint32_t[mask_ + 1]()),
      bytes_((mask_ + 1) * (sizeof(lane) + sizeof(uint32_t))) {}

bool near_readers::advance() noexcept {
  const uint64_t epoch = epoch_.load();
  for (size_t i = 0; i <= mask_; i++) {
    if (lanes_[i].inside[(epoch - 1) & 1].load() != 0) return false;
  }
  epoch_.store(epoch + 1);
  return true;
}

}  // namespace cache_plugin
