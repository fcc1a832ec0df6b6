// completions.hpp: calling without blocking.
//
//     cachecore::completions queue(core);
//     const uint64_t operation = core.submit(queue, "kv.get", "key");
//     ... poll(queue.fd()) ...
//     for (auto &done : queue.drain()) use(done.operation(), done.as<std::optional<std::string>>());
//
// Thread rule: submit, cancel and drain from any thread; a completion by one at a time.
// Invariants: every accepted operation completes exactly once without more(), after any number of items with it.
// Destroying the queue gives up what still runs for it. A queue may outlive its core.
#pragma once

#include <poll.h>

#include <cerrno>
#include <iterator>

#include "core.hpp"

namespace cachecore {

class completion {
 public:
  // Takes over the result of `native`.
  explicit completion(const cachecore_completion &native) noexcept
      : user_data_(native.user_data),
        operation_(native.operation),
        status_(static_cast<cachecore::status>(native.status)),
        flags_(native.flags),
        result_(native.result) {}

  [[nodiscard]] uint64_t user_data() const noexcept { return user_data_; }
  [[nodiscard]] uint64_t operation() const noexcept { return operation_; }
  [[nodiscard]] cachecore::status status() const noexcept { return status_; }
  // An item of a stream: others, or the end, follow.
  [[nodiscard]] bool more() const noexcept { return (flags_ & CACHECORE_COMPLETION_MORE) != 0; }
  // How many items of the stream were lost here; 0: this one is an item.
  [[nodiscard]] int64_t dropped() const {
    return (flags_ & CACHECORE_COMPLETION_DROPPED) != 0 ? result_.view()["dropped"].as<int64_t>() : 0;
  }

  // Whether there is an answer; false for NOT_FOUND, throws what else the operation came to.
  [[nodiscard]] bool found() const {
    if (static_cast<int32_t>(status_) < 0) throw failure();
    return status_ == cachecore::status::ok;
  }
  // As result::as.
  template <class T>
  [[nodiscard]] T as() const & {
    return found() ? result_.as<T>() : result().template as<T>();
  }
  template <class T>
    requires(!detail::borrows<T>::value)
  [[nodiscard]] T as() && {
    return std::move(*this).get().template as<T>();
  }
  template <class T>
    requires detail::borrows<T>::value
  T as() && = delete;
  [[nodiscard]] value_view view() const CACHECORE_LIFETIME_BOUND { return found() ? result_.view() : value_view(); }
  // The result itself, empty for NOT_FOUND.
  [[nodiscard]] result get() && { return found() ? std::move(result_) : result(); }

 private:
  [[nodiscard]] error failure() const {
    const cachecore_error *reason = cachecore_result_error(result_.native());
    return reason != nullptr ? error(*reason) : error(status_, "the operation failed");
  }

  uint64_t user_data_;
  uint64_t operation_;
  cachecore::status status_;
  uint32_t flags_;
  result result_;
};

class completions {
 public:
  explicit completions(const caller &core) {
    cachecore_completions *out = nullptr;
    cachecore_error reason;
    check(cachecore_completions_create(core.native(), &out, &reason), reason);
    native_.reset(out);
  }

  // Readable while the queue is not empty; only for poll and the like.
  [[nodiscard]] int fd() const noexcept { return cachecore_completions_fd(native_.get()); }

  // Up to `max` completions, oldest first. Never blocks.
  [[nodiscard]] std::vector<completion> drain(size_t max = 64) {
    std::vector<cachecore_completion> batch(max);
    std::vector<completion> out;
    out.reserve(max);
    const size_t count = cachecore_completions_drain(native_.get(), batch.data(), max);
    for (size_t index = 0; index < count; index++) out.emplace_back(batch[index]);
    return out;
  }

  // Waits until the queue is not empty; false when `timeout_ms` (-1: none) passed first.
  bool wait(int64_t timeout_ms = no_timeout) const {
    using clock = std::chrono::steady_clock;
    const auto start = clock::now();
    for (int64_t left = timeout_ms;;) {
      pollfd watched{.fd = fd(), .events = POLLIN, .revents = 0};
      const int ready = ::poll(&watched, 1, left < 0 ? -1 : static_cast<int>(std::min<int64_t>(left, 1 << 30)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) throw error(status::internal, "poll of a completion queue failed");
      if (timeout_ms < 0) continue;
      left = timeout_ms - std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start).count();
      if (left <= 0) return false;
    }
  }

  [[nodiscard]] cachecore_completions *native() const noexcept { return native_.get(); }

 private:
  struct destroying {
    void operator()(cachecore_completions *native) const noexcept { cachecore_completions_destroy(native); }
  };
  std::unique_ptr<cachecore_completions, destroying> native_;
};

template <class... A>
uint64_t method::submit(completions &queue, const A &...args) const {
  builder memory;
  const std::array<cachecore_value, sizeof...(A)> values{encode(args, memory)...};
  uint64_t operation = 0;
  cachecore_error reason;
  check(cachecore_submit(core_, native_, values.data(), values.size(), options_.timeout_ms, queue.native(),
                         options_.user_data, &operation, &reason),
        reason);
  return operation;
}

template <class... A>
uint64_t caller::submit(completions &queue, const char *name, const A &...args) const {
  return find(name).submit(queue, args...);
}

template <class... A>
uint64_t core::submit(completions &queue, const char *name, const A &...args) const {
  return caller(*this).submit(queue, name, args...);
}

}  // namespace cachecore
