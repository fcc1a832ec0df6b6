// invocation.hpp: the life of one method call: its memory, its steps and its one end. `call` is built on it.
//
// A step runs from the start function, or from a continuation, until the method's coroutine waits or is done. Every way
// into a coroutine goes through `resume`, which ends the invocation when its outermost frame is done; no frame is left
// on the stack then, so the memory they lived in may go with the invocation.
//
// Frames of coroutines live in the invocation's memory too, which is only given back at the end; so frames that are
// done are kept for the next coroutine of that size, and a loop that calls another coroutine stays within its memory.
//
// Thread rule: steps of one invocation never overlap. Invariant: `settle` runs once, and nothing of the invocation is
// touched after it.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>

#include "host.hpp"
#include "value.hpp"

namespace cachecore::plugin {

// Counts coroutines and requests that were begun together. Whoever arrives last goes on with the one that waits for
// all.
struct join {
  size_t outstanding;
  std::coroutine_handle<> waiter;

  [[nodiscard]] std::coroutine_handle<> arrived() noexcept {
    return --outstanding == 0 ? waiter : std::coroutine_handle<>(std::noop_coroutine());
  }
};

class invocation {
 public:
  invocation(plugin::host &host, cachecore_invocation *raw, bool borrows_arguments) noexcept
      : host_(host), raw_(raw), adopt_(borrows_arguments ? 0 : CACHECORE_COMPLETE_ADOPT) {}
  invocation(const invocation &) = delete;
  invocation &operator=(const invocation &) = delete;

  [[nodiscard]] plugin::host &host() const noexcept { return host_; }
  [[nodiscard]] cachecore_invocation *raw() const noexcept { return raw_; }

  // Memory that lives as long as the result, aligned to 16 bytes. Throws std::bad_alloc.
  [[nodiscard]] void *allocate(size_t size) {
    void *memory = host_.services().invocation->allocate(raw_, size);
    if (memory == nullptr) [[unlikely]]
      throw std::bad_alloc();
    return memory;
  }

  // Of trivial objects, uninitialised.
  template <class T>
  [[nodiscard]] T *allocate_array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
    if (count > PTRDIFF_MAX / sizeof(T)) throw std::bad_alloc();
    return static_cast<T *>(allocate(count * sizeof(T)));
  }

  // Goes on with a coroutine of this invocation; nothing of the invocation may be touched afterwards.
  void resume(std::coroutine_handle<> next) noexcept {
    next.resume();
    if (root_.done()) settle_(*this);
  }

  // The first step. `settle` reads the outcome from the outermost frame, destroys it and ends the invocation.
  void run(std::coroutine_handle<> root, void (*settle)(invocation &)) noexcept {
    root_ = root;
    settle_ = settle;
    root.resume();
    if (root.done()) {
      settle(*this);
    } else {
      // Borrowed arguments are out of reach from here on, so what completes now is the invocation's own.
      adopt_ = CACHECORE_COMPLETE_ADOPT;
    }
  }

  [[nodiscard]] std::coroutine_handle<> root() const noexcept { return root_; }

  void complete(const value &answer) noexcept { host_.services().invocation->complete(raw_, &answer, adopt_); }

  // Ends an invocation as an exception says: the one place where exceptions become statuses.
  static void fail(const plugin::host &host, cachecore_invocation *raw, const std::exception_ptr &thrown) noexcept {
    const auto &service = *host.services().invocation;
    try {
      std::rethrow_exception(thrown);
    } catch (const error &failed) {
      if (failed.status() == CACHECORE_NOT_FOUND) {
        service.fail(raw, CACHECORE_NOT_FOUND, nullptr);
      } else if (failed.received()) {
        service.fail_with(raw, &failed.raw());
      } else {
        service.fail(raw, failed.status(), failed.what());
      }
    } catch (const std::bad_alloc &) {
      service.fail(raw, CACHECORE_NO_MEMORY, "out of memory");
    } catch (const std::exception &fault) {
      service.fail(raw, CACHECORE_INTERNAL, fault.what());
    } catch (...) {
      service.fail(raw, CACHECORE_INTERNAL, "the plugin threw something that is no std::exception");
    }
  }

  // Memory for a coroutine frame: a used one of the same size, else new memory.
  [[nodiscard]] void *take_frame(size_t size) {
    for (spare **link = &spares_; *link != nullptr; link = &(*link)->next) {
      if ((*link)->size == size) {
        spare *found = *link;
        *link = found->next;
        return found;
      }
    }
    return allocate(size);
  }
  void keep_frame(void *frame, size_t size) noexcept { spares_ = new (frame) spare{spares_, size}; }

 private:
  struct spare {
    spare *next;
    size_t size;
  };

  plugin::host &host_;
  cachecore_invocation *raw_;
  std::coroutine_handle<> root_;
  void (*settle_)(invocation &) = nullptr;
  spare *spares_ = nullptr;
  uint32_t adopt_;
};

}  // namespace cachecore::plugin
