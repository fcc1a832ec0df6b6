// awaitable.hpp: calls that are awaited.
//
//     cachecore::async calls(core);
//     my_task show(cachecore::async &calls) { auto text = (co_await calls.call("kv.get", "key")).as<std::string>(); ...
//     } while (calls.pending() != 0) { calls.wait(); calls.resume(); }   // or the event loop's: poll calls.fd(), then
//     resume()
//
// Works with any coroutine type: an awaiter asks nothing of the promise. The call is submitted when it is awaited;
// coroutines continue inside resume(), on the thread that runs it.
//
// Thread rule: an async and the coroutines that await it belong to one thread at a time.
// Invariants: a coroutine that is destroyed while it waits cancels its call; what the call still answers is dropped.
// Destroying the async continues whatever still waits with error(CANCELLED), and awaiting it from there on throws the
// same.
#pragma once

#include <coroutine>
#include <unordered_map>

#include "completions.hpp"

namespace cachecore {

class async {
 public:
  explicit async(const caller &core) : core_(core), queue_(core) {}
  async(const async &) = delete;
  async &operator=(const async &) = delete;
  ~async() {
    closing_ = true;
    while (!waiting_.empty()) {
      awaiter &first = *waiting_.begin()->second;
      waiting_.erase(waiting_.begin());
      first.continue_with(std::nullopt);
    }
  }

  class starter;

  // What `co_await` takes: the result, or the thrown error of the call. The arguments are kept by value until then;
  // what pointers and views point to must live as long.
  template <class... A>
  [[nodiscard]] auto call(const char *name, A... args) {
    return with({}).call(name, std::move(args)...);
  }

  // As caller::with.
  [[nodiscard]] starter with(call_options options) { return {*this, options}; }

  [[nodiscard]] int fd() const noexcept { return queue_.fd(); }
  [[nodiscard]] size_t pending() const noexcept { return waiting_.size(); }
  bool wait(int64_t timeout_ms = no_timeout) const { return queue_.wait(timeout_ms); }

  // Continues the coroutines whose calls have completed; how many. Never blocks by itself.
  size_t resume() {
    size_t count = 0;
    for (auto &done : queue_.drain()) {
      const auto found = waiting_.find(done.user_data());
      if (found == waiting_.end()) continue;
      awaiter &ready = *found->second;
      waiting_.erase(found);
      ready.continue_with(std::move(done));
      count++;
    }
    return count;
  }

 private:
  // Waits in the coroutine's frame; the async knows it by number, never by address, so that a frame may go at any time.
  class awaiter {
   public:
    explicit awaiter(async &owner) noexcept : owner_(owner), number_(++owner.last_number_) {}
    awaiter(const awaiter &) = delete;
    awaiter &operator=(const awaiter &) = delete;
    ~awaiter() {
      if (operation_ != 0 && owner_.waiting_.erase(number_) != 0) {
        (void)cachecore_cancel(owner_.core_.native(), operation_, nullptr);  // done already: nothing to cancel
      }
    }
    [[nodiscard]] static bool await_ready() noexcept { return false; }
    result await_resume() {
      if (!done_) throw error(status::cancelled, "the queue this call was awaited on is gone");
      return std::move(*done_).get();
    }

   protected:
    template <class Submit>
    void suspend(std::coroutine_handle<> waiting, Submit &&submit) {
      if (owner_.closing_) throw error(status::cancelled, "the queue this call was awaited on is gone");
      waiting_ = waiting;
      owner_.waiting_.emplace(number_, this);
      try {
        operation_ = submit(owner_.core_, owner_.queue_, number_);
      } catch (...) {
        owner_.waiting_.erase(number_);
        throw;
      }
    }

   private:
    friend class async;
    void continue_with(std::optional<completion> done) {
      operation_ = 0;
      if (done) done_.emplace(std::move(*done));
      waiting_.resume();
    }

    async &owner_;
    uint64_t number_;
    uint64_t operation_ = 0;
    std::coroutine_handle<> waiting_;
    std::optional<completion> done_;
  };

  template <class Submit>
  class call_awaiter : public awaiter {
   public:
    call_awaiter(async &owner, Submit submit) : awaiter(owner), submit_(std::move(submit)) {}
    void await_suspend(std::coroutine_handle<> waiting) { this->suspend(waiting, submit_); }

   private:
    Submit submit_;
  };

 public:
  // An async seen with certain call options.
  class starter {
   public:
    starter(async &owner, call_options options) noexcept : owner_(owner), options_(options) {}

    template <class... A>
    [[nodiscard]] auto call(const char *name, A... args) const {
      auto submit = [options = options_, name, args = std::tuple<A...>(std::move(args)...)](
                        const caller &core, completions &queue, uint64_t number) {
        const auto method = core.with({.timeout_ms = options.timeout_ms, .user_data = number}).find(name);
        return std::apply([&](const auto &...each) { return method.submit(queue, each...); }, args);
      };
      return call_awaiter<decltype(submit)>(owner_, std::move(submit));
    }

   private:
    async &owner_;
    call_options options_;
  };

 private:
  caller core_;
  completions queue_;
  std::unordered_map<uint64_t, awaiter *> waiting_;
  uint64_t last_number_ = 0;
  bool closing_ = false;
};

}  // namespace cachecore
