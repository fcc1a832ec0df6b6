// stream.hpp: the items of a streaming method, one after the other.
//
//     auto news = core.open("redis.subscribe", list("news"));
//     for (const auto &item : news) show(item.view()["payload"].as<std::string>());
//
// Thread rule: one thread at a time; cancel() from any. Invariants: next() gives nothing once the stream has ended or
// was cancelled here, and throws when it failed. Destroying a stream gives it up.
#pragma once

#include <atomic>
#include <deque>

#include "completions.hpp"

namespace cachecore {

class stream {
 public:
  template <class... A>
  explicit stream(const method &method, const A &...args)
      : core_(method.core_, {}), queue_(core_), operation_(method.submit(queue_, args...)) {}

  // Waits for the next item. A completion with dropped() > 0 stands for that many lost items.
  std::optional<completion> next() {
    while (!wait()) {
    }
    if (ended_) return std::nullopt;
    completion item = std::move(pending_.front());
    pending_.pop_front();
    if (item.more()) return item;
    ended_ = true;
    if (item.status() == status::cancelled && *cancelled_) return std::nullopt;
    (void)item.found();  // throws what it failed with
    return std::nullopt;
  }

  // Waits until next() does not; false when `timeout_ms` passed first.
  bool wait(int64_t timeout_ms = no_timeout) {
    if (ended_ || !pending_.empty()) return true;
    if (!queue_.wait(timeout_ms)) return false;
    for (auto &done : queue_.drain()) pending_.push_back(std::move(done));
    return !pending_.empty();
  }

  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] int fd() const noexcept { return queue_.fd(); }
  [[nodiscard]] uint64_t operation() const noexcept { return operation_; }
  // Asks for the end: items that came before it still come.
  void cancel() const {
    *cancelled_ = true;
    core_.cancel(operation_);
  }

  class iterator {
   public:
    using value_type = completion;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    explicit iterator(stream &source)
        : source_(&source), item_(std::make_shared<std::optional<completion>>(source.next())) {}
    completion &operator*() const { return **item_; }
    completion *operator->() const { return &**item_; }
    iterator &operator++() {
      *item_ = source_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator &at, std::default_sentinel_t) { return !at.item_ || !at.item_->has_value(); }

   private:
    stream *source_ = nullptr;
    std::shared_ptr<std::optional<completion>> item_;
  };
  iterator begin() { return iterator(*this); }
  static std::default_sentinel_t end() { return {}; }

 private:
  caller core_;
  completions queue_;
  uint64_t operation_;
  std::unique_ptr<std::atomic<bool>> cancelled_ = std::make_unique<std::atomic<bool>>(false);
  std::deque<completion> pending_;
  bool ended_ = false;
};

template <class... A>
stream caller::open(const char *name, const A &...args) const {
  return stream(find(name), args...);
}

template <class... A>
stream core::open(const char *name, const A &...args) const & {
  return caller(*this).open(name, args...);
}

}  // namespace cachecore
