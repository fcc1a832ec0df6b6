// lock.hpp: a lock for as long as a block, over the plugin `lock`.
//
//     cachecore::lock held(core, "invoice:42", {.wait = 5s});      // throws error(BUSY) when others held it so long
//     write_invoice(held.fence());                                 // the resource refuses a lower fence than it has
//     seen if (held.lost()) return;                                     // before going on with what takes long
//
//     if (auto maybe = cachecore::lock::try_acquire(core, "report")) ...
//
// Thread rule: one thread at a time. Invariants: the destructor releases what was not released or lost, and tells
// nobody whether that succeeded (release() does); a lock that was moved from holds nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core.hpp"
#include "stream.hpp"

namespace cachecore {

enum class lock_mode { exclusive, read, write, semaphore };

struct lock_options {
  std::chrono::milliseconds lease{30'000};
  std::chrono::milliseconds wait{0};  // below 0: for ever
  lock_mode mode = lock_mode::exclusive;
  int64_t permits = 0;  // of a semaphore
  std::string owner{};  // empty: nobody gets it again while it is held
  bool renew = true;
  std::chrono::milliseconds max_hold{0};  // 0: until it is released
};

class lock {
 public:
  lock(const caller &core, std::string_view name, const lock_options &options = {}) : core_(core) {
    const result held =
        core_.call("lock.acquire", name, options.lease.count(), options.wait.count(), mode_name(options.mode),
                   some(options.permits), options.owner.empty() ? std::optional<std::string>() : options.owner,
                   options.renew, some(options.max_hold.count()));
    handle_ = held.view()["lock"].as<std::string>();
    fence_ = held.view()["fence"].as<int64_t>();
  }
  // Nothing when others hold it.
  static std::optional<lock> try_acquire(const caller &core, std::string_view name, const lock_options &options = {}) {
    try {
      return lock(core, name, options);
    } catch (const error &reason) {
      if (reason.status() != status::busy) throw;
      return std::nullopt;
    }
  }

  lock(lock &&other) noexcept
      : core_(other.core_),
        handle_(std::exchange(other.handle_, {})),
        fence_(other.fence_),
        watched_(std::exchange(other.watched_, std::nullopt)) {}
  lock &operator=(lock &&) = delete;
  ~lock() {
    if (handle_.empty()) return;
    const cachecore_value handle = cachecore_bytes(handle_.data(), handle_.size());
    cachecore_invoke(core_.native(), "lock.release", &handle, 1, nullptr, nullptr);
  }

  [[nodiscard]] int64_t fence() const noexcept { return fence_; }
  // For extend and release elsewhere; empty once it was released.
  [[nodiscard]] const std::string &handle() const noexcept { return handle_; }

  // Whether it was lost: asked without waiting, told before the lease ends while the process runs.
  bool lost() {
    if (handle_.empty()) return false;
    if (!watched_) watched_.emplace(core_, handle_);
    return watched_->lost();
  }

  // Lets the lease go on from now; throws error(CONFLICT) when it is not held any more.
  std::chrono::milliseconds extend(std::chrono::milliseconds lease) {
    return std::chrono::milliseconds(core_.call("lock.extend", handle_, lease.count()).as<int64_t>());
  }

  // Throws error(CONFLICT) when it was not held any more.
  void release() {
    const std::string handle = std::exchange(handle_, {});
    if (!handle.empty()) core_.call("lock.release", handle);
  }

 private:
  // What lock.watch has said so far.
  class watch {
   public:
    watch(const caller &core, const std::string &handle)
        : events_(std::make_unique<stream>(core.find("lock.watch").with({.timeout_ms = no_timeout}), handle)) {
      // The first word: held, or not any more.
      (void)events_->wait();
    }
    bool lost() {
      while (!lost_ && events_->wait(0)) {
        try {
          const auto event = events_->next();
          if (!event) return lost_;
          lost_ = event->view()["event"].as<std::string>() == "lost";
        } catch (const error &reason) {
          if (reason.status() != status::conflict) throw;
          lost_ = true;
        }
      }
      return lost_;
    }

   private:
    std::unique_ptr<stream> events_;
    bool lost_ = false;
  };

  static const char *mode_name(lock_mode mode) noexcept {
    constexpr const char *names[] = {"exclusive", "read", "write", "semaphore"};
    return names[static_cast<size_t>(mode)];
  }
  static std::optional<int64_t> some(int64_t number) noexcept {
    return number == 0 ? std::nullopt : std::optional<int64_t>(number);
  }

  caller core_;
  std::string handle_;
  int64_t fence_ = 0;
  std::optional<watch> watched_;
};

}  // namespace cachecore
