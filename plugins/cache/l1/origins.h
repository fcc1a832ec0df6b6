// origins.h: what very many copies share, kept once and counted.
//
// Thread rule: the writer's, with its mutex held. An origin lives as long as a block that refers to it, and blocks are
// freed when no reader holds them, so readers may follow a block's origin.
#pragma once

#include <malloc.h>

#include <cstdlib>
#include <new>
#include <unordered_set>

#include "copy.h"

namespace cache_plugin {

class near_origins {
 public:
  near_origins() : known_(0, hasher(), equal(), counting<counted_origin>(&bytes_)) {}
  near_origins(const near_origins &) = delete;
  near_origins &operator=(const near_origins &) = delete;

  // Counts one use more. Throws std::bad_alloc.
  const copy_origin *take(const copy_origin &of) {
    if (last_ == nullptr || !equal()(*last_, of)) last_ = &*known_.insert(counted_origin(of)).first;
    last_->uses++;
    return last_;
  }

  void release(const copy_origin *origin) noexcept {
    const auto *left = static_cast<const counted_origin *>(origin);
    if (--left->uses > 0) return;
    if (last_ == left) last_ = nullptr;
    known_.erase(known_.find(*left));
  }

  [[nodiscard]] size_t count() const noexcept { return known_.size(); }
  [[nodiscard]] size_t bytes() const noexcept { return bytes_; }

 private:
  struct counted_origin : copy_origin {
    explicit counted_origin(const copy_origin &of) : copy_origin(of) {}
    mutable size_t uses = 0;
  };

  struct hasher {
    size_t operator()(const copy_origin &of) const noexcept {
      uint64_t mixed = reinterpret_cast<uintptr_t>(of.tracked) * uint64_t{0x9e3779b97f4a7c15};
      mixed = (mixed ^ (mixed >> 29) ^ reinterpret_cast<uintptr_t>(of.scope)) * 0xd6e8feb86659fd93;
      mixed = (mixed ^ (mixed >> 32) ^ of.epoch) * 0x9e3779b97f4a7c15;
      return mixed ^ (mixed >> 32);
    }
  };

  struct equal {
    bool operator()(const copy_origin &a, const copy_origin &b) const noexcept {
      return a.tracked == b.tracked && a.epoch == b.epoch && a.scope == b.scope;
    }
  };

  // malloc, and how much of it is used.
  template <typename Of>
  struct counting {
    using value_type = Of;

    explicit counting(size_t *total) noexcept : bytes(total) {}
    template <typename Other>
    counting(const counting<Other> &other) noexcept : bytes(other.bytes) {}  // NOLINT(google-explicit-constructor)

    Of *allocate(size_t count) {
      void *made = std::malloc(count * sizeof(Of));  // NOLINT(bugprone-sizeof-expression): Of may well be a pointer
      if (made == nullptr) throw std::bad_alloc();
      *bytes += malloc_usable_size(made) + sizeof(size_t);
      return static_cast<Of *>(made);
    }
    void deallocate(Of *made, size_t /*count*/) noexcept {
      *bytes -= malloc_usable_size(made) + sizeof(size_t);
      std::free(made);
    }
    bool operator==(const counting &other) const noexcept { return bytes == other.bytes; }

    size_t *bytes;
  };

  size_t bytes_ = 0;
  const counted_origin *last_ = nullptr;
  std::unordered_set<counted_origin, hasher, equal, counting<counted_origin>> known_;
};

}  // namespace cache_plugin
