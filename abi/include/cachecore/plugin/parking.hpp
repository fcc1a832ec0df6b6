// parking.hpp: invocations of a plugin that wait for each other.
//
// A parking lot is a line of waiting invocations. It belongs to data that a mutex of the plugin guards, and every
// function but the await itself is called with that mutex held:
//
//     std::unique_lock lock(mutex_);
//     if (!room()) (void)co_await waiting_.wait(call, lock);     // lets go of the mutex once it stands in line
//     ...
//     std::lock_guard lock(mutex_);
//     waiting_.wake_one(grant);                                  // by another invocation, on any thread
//
// Races. A waiter leaves the line in one of two ways, both under the mutex: a waker takes it out and gives it a grant,
// or it finds itself given up, still in line. So a grant is never lost: a waiter whose caller went away just then still
// gets it, and either passes it on or completes with it, whereupon the method's `undo` gives it back. Only one that was
// given nothing throws.
//
// Lifetime. A lot outlives its waiters; an instance is destroyed when all its invocations have ended.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "call.hpp"

namespace cachecore::plugin {

// What a waiter was woken with. `payload` is the waker's value, copied; NIL when the waiter was being given up at that
// moment.
template <class Grant>
struct woken {
  Grant grant;
  reply payload;
};

template <class Grant = nothing>
class parking_lot {
 public:
  class [[nodiscard]] waiter final : public awaitable<waiter> {
   public:
    waiter(invocation &owner, parking_lot &lot, std::unique_lock<std::mutex> &lock) noexcept
        : awaitable<waiter>(owner), lot_(&lot), lock_(&lock), mutex_(lock.mutex()) {}

    void begin() noexcept {
      parked_ = this->services().timer->park(this->raw(), &pending::arrived, static_cast<pending *>(this));
      if (parked_ != nullptr) lot_->append(*this);
      lock_->unlock();
    }

    [[nodiscard]] woken<Grant> outcome() {
      {
        const std::lock_guard lock(*mutex_);
        if (in_line_) {
          lot_->remove(*this);
          this->services().timer->forget(parked_);
        }
      }
      if (!grant_) {
        (void)this->answer_or_throw();
        throw error(CACHECORE_INTERNAL, "woken by nobody");
      }
      return {std::move(*grant_), reply(this->status_ == CACHECORE_OK ? this->answer_ : nullptr)};
    }

   private:
    friend parking_lot;

    parking_lot *lot_;
    std::unique_lock<std::mutex> *lock_;
    std::mutex *mutex_;
    cachecore_parked *parked_ = nullptr;
    waiter *previous_ = nullptr;
    waiter *next_ = nullptr;
    bool in_line_ = false;
    std::optional<Grant> grant_;
  };

  parking_lot() = default;
  parking_lot(const parking_lot &) = delete;
  parking_lot &operator=(const parking_lot &) = delete;

  // Awaiting it joins the line. `lock` holds the mutex and is let go; it is not taken again afterwards.
  [[nodiscard]] waiter wait(call &call, std::unique_lock<std::mutex> &lock) noexcept { return {call, *this, lock}; }

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

  // Wakes who has waited longest; false when nobody waits, and then nothing was granted.
  bool wake_one(Grant grant = {}, const value &payload = {}) {
    if (first_ == nullptr) return false;
    waiter &chosen = *first_;
    chosen.grant_.emplace(std::move(grant));
    remove(chosen);
    chosen.services().timer->wake(chosen.parked_, &payload);
    return true;
  }

  // Wakes all, and says how many.
  size_t wake_all(const Grant &grant = {}, const value &payload = {}) {
    size_t count = 0;
    while (wake_one(grant, payload)) count++;
    return count;
  }

 private:
  void append(waiter &added) noexcept {
    added.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &added;
    last_ = &added;
    added.in_line_ = true;
  }
  void remove(waiter &gone) noexcept {
    (gone.previous_ == nullptr ? first_ : gone.previous_->next_) = gone.next_;
    (gone.next_ == nullptr ? last_ : gone.next_->previous_) = gone.previous_;
    gone.in_line_ = false;
  }

  waiter *first_ = nullptr;
  waiter *last_ = nullptr;
};

}  // namespace cachecore::plugin
