// owned_descriptor.h: a file descriptor with an owner, closed in the child of a fork.
//
// Thread rule: like an int.
#pragma once

#include <utility>

#include "core/runtime/process.h"

namespace cachecore_internal {

class owned_descriptor {
 public:
  owned_descriptor() = default;
  explicit owned_descriptor(int descriptor) noexcept : descriptor_(descriptor) { remember_descriptor(descriptor); }
  owned_descriptor(owned_descriptor &&other) noexcept : descriptor_(other.release()) {}
  owned_descriptor &operator=(owned_descriptor &&other) noexcept {
    if (this != &other) {
      close_descriptor(descriptor_);
      descriptor_ = other.release();
    }
    return *this;
  }
  ~owned_descriptor() { close_descriptor(descriptor_); }

  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] bool valid() const noexcept { return descriptor_ >= 0; }

  // Stays remembered by the fork handler; whoever takes it ends it with close_descriptor.
  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_ = -1;
};

}  // namespace cachecore_internal
