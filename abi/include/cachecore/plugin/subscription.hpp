// subscription.hpp: messages of Redis channels, one at a time.
//
//     auto messages = call.subscribe(channel);
//     for (;;) {
//       const message heard = co_await messages.next();      // throws when it ends: CANCELLED, CLOSED, UNAVAILABLE ...
//       if (heard.kind() == "message") call.emit_map({{"heard", heard.payload()}});
//     }
//
// Messages that arrive while the method does something else wait in order. A message lives until the next `next`;
// memory of a message that was read is used again, so that a subscription may last for ever.
//
// Thread rule: that of the invocation. It stays subscribed until the invocation ends or is given up; the object only
// refers to it.
#pragma once

#include <coroutine>

#include "request.hpp"

namespace cachecore::plugin {

class message {
 public:
  explicit message(const value &raw) noexcept : raw_(raw) {}

  // "subscribed": a confirmation; "message"; "deaf": messages may have been lost, `reason` says why.
  [[nodiscard]] std::string_view kind() const { return raw_.pairs()["kind"].as_text(); }
  [[nodiscard]] std::string_view channel() const { return raw_.pairs()["channel"].as_text(); }
  // Of the channel, or NIL.
  [[nodiscard]] value pattern() const { return raw_.pairs()["pattern"]; }
  [[nodiscard]] std::string_view payload() const { return raw_.pairs()["payload"].as_text(); }
  [[nodiscard]] value reason() const { return raw_.pairs()["reason"]; }
  [[nodiscard]] const value &raw() const noexcept { return raw_; }

 private:
  value raw_;
};

class subscription {
 public:
  subscription(invocation &owner, uint32_t kind, std::span<const value> channels)
      : state_(new(owner.allocate(sizeof(state))) state{owner}) {
    owner.host().services().redis->subscribe(owner.raw(), kind, channels.data(), channels.size(), &state::heard,
                                             state_);
  }

 private:
  struct node {
    node *next;
    const cachecore_value *heard;
  };

  // Lives in the invocation's memory, where the host finds it for as long as messages can come.
  struct state {
    invocation &owner;
    node *first = nullptr;
    node **last = &first;
    node *spare = nullptr;
    const cachecore_value *read = nullptr;
    std::coroutine_handle<> waiter = nullptr;
    cachecore_status status = CACHECORE_OK;
    const cachecore_error *failed = nullptr;

    static void heard(void *context, cachecore_status status, const cachecore_value *value,
                      const cachecore_error *failed) noexcept {
      auto &self = *static_cast<state *>(context);
      if (self.status != CACHECORE_OK) return;
      if (status == CACHECORE_OK) {
        self.append(value);
      } else {
        self.status = status;
        self.failed = failed;
      }
      if (self.waiter) self.owner.resume(std::exchange(self.waiter, nullptr));
    }

    void append(const cachecore_value *message) noexcept {
      node *added = spare;
      if (added != nullptr) {
        spare = added->next;
      } else {
        added = static_cast<node *>(owner.host().services().invocation->allocate(owner.raw(), sizeof(node)));
        if (added == nullptr) {
          status = CACHECORE_NO_MEMORY;
          return;
        }
      }
      *last = new (added) node{nullptr, message};
      last = &added->next;
    }

    void forget_read() noexcept {
      if (read != nullptr) owner.host().services().invocation->forget(owner.raw(), std::exchange(read, nullptr));
    }

    const cachecore_value *take() noexcept {
      node *taken = first;
      first = taken->next;
      if (first == nullptr) last = &first;
      read = taken->heard;
      taken->next = spare;
      spare = taken;
      return read;
    }
  };

 public:
  class [[nodiscard]] next_message {
   public:
    explicit next_message(state *from) noexcept : state_(from) {}

    [[nodiscard]] bool await_ready() const noexcept {
      state_->forget_read();
      return state_->first != nullptr || state_->status != CACHECORE_OK;
    }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { state_->waiter = waiter; }
    [[nodiscard]] message await_resume() const {
      if (state_->first != nullptr) return message(value(*state_->take()));
      if (state_->failed != nullptr) throw error(*state_->failed);
      throw error(state_->status, "the subscription ended");
    }

   private:
    state *state_;
  };

  // The oldest message that was not read. After the end of the subscription it throws why it ended, once all messages
  // were read.
  [[nodiscard]] next_message next() const noexcept { return next_message(state_); }

 private:
  state *state_;
};

}  // namespace cachecore::plugin
