// task.hpp: the coroutine type of plugins.
//
// A task starts when it is awaited and hands control straight over, so that a chain of tasks costs no stack and no
// scheduler. Its frame lives in the memory of the invocation that is among its parameters (`call &`), else on the heap.
// Exceptions pass through co_await.
//
//     task<int64_t> count(call &call, std::string_view key) { co_return (co_await call.redis("STRLEN", key)).as_int();
//     }
//
// Parameters are taken by value: a task may run after what a reference meant has gone. `call &` is the exception.
//
// Invariants: a task is awaited at most once, and its frame is destroyed by the task object, when it is done or was
// never begun.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "invocation.hpp"

namespace cachecore::plugin {

template <class T>
class task;

namespace detail {

// Where frames come from. In front of each stands whom to give it back to. Always inlined, since GCC without
// optimisation otherwise takes a template for new and a function for delete as a mismatch.
struct frame_memory {
  struct alignas(16) header {
    invocation *owner;
  };

  template <class... Parameters>
  [[gnu::always_inline]] static void *operator new(size_t size, Parameters &...parameters) {
    invocation *owner = nullptr;
    (find_owner(owner, parameters), ...);
    return take(owner, size);
  }
  // Of a coroutine without parameters.
  [[gnu::always_inline]] static void *operator new(size_t size) { return take(nullptr, size); }

  [[gnu::always_inline]] static void operator delete(void *frame, size_t size) noexcept {
    header *memory = static_cast<header *>(frame) - 1;
    if (memory->owner != nullptr) {
      memory->owner->keep_frame(memory, size + sizeof(header));
    } else {
      ::operator delete(memory);
    }
  }

 private:
  static void *take(invocation *owner, size_t size) {
    const size_t whole = size + sizeof(header);
    void *memory = owner != nullptr ? owner->take_frame(whole) : ::operator new(whole);
    return new (memory) header{owner} + 1;
  }

  template <class Parameter>
  static void find_owner(invocation *&owner, Parameter &parameter) noexcept {
    if constexpr (std::is_base_of_v<invocation, Parameter>) owner = &parameter;
  }
};

struct promise_base : frame_memory {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  join *together = nullptr;
  std::exception_ptr thrown;
  bool missing = false;

  struct final_awaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
      promise_base &promise = done.promise();
      return promise.together != nullptr ? promise.together->arrived() : promise.continuation;
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { thrown = std::current_exception(); }

  void check() {
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
    if (missing) throw error(CACHECORE_NOT_FOUND, "not found");
  }
};

template <class T>
struct promise final : promise_base {
  std::optional<T> result;

  task<T> get_return_object() noexcept;
  void return_value(T given) { result.emplace(std::move(given)); }
  void return_value(not_found_t) noexcept { missing = true; }
  T take() {
    check();
    return std::move(*result);
  }
  [[nodiscard]] value answer() const noexcept { return value(*result); }
};

template <>
struct promise<void> final : promise_base {
  inline task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() { check(); }
  [[nodiscard]] value answer() const noexcept { return {}; }
};

}  // namespace detail

template <class T = value>
class [[nodiscard]] task {
 public:
  using promise_type = detail::promise<T>;
  using result_type = T;

  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  task(task &&other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task &operator=(task &&other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }

  struct awaiter {
    std::coroutine_handle<promise_type> frame;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) const noexcept {
      frame.promise().continuation = waiter;
      return frame;
    }
    T await_resume() const { return frame.promise().take(); }
  };
  [[nodiscard]] awaiter operator co_await() const noexcept { return {frame_}; }

  // For `all`: begins it beside others, and takes its outcome when all have arrived.
  void start(join &together) const noexcept {
    frame_.promise().together = &together;
    frame_.resume();
  }
  T outcome() const { return frame_.promise().take(); }

  // Makes it the invocation's outermost frame and runs its first step. The invocation may be over when this returns.
  void run(invocation &owner) && noexcept {
    static_assert(std::is_void_v<T> || std::is_trivially_destructible_v<T>,
                  "a method answers with a value: copy text with call.copy");
    owner.run(std::exchange(frame_, nullptr), &settle);
  }

 private:
  // The frame is left to go with the invocation's memory: its locals are destroyed by now, and its parameters
  // (spec.hpp) and result need no destruction.
  static void settle(invocation &owner) noexcept {
    promise_type &promise = std::coroutine_handle<promise_type>::from_address(owner.root().address()).promise();
    if (!promise.thrown && !promise.missing) [[likely]] {
      owner.complete(promise.answer());
      return;
    }
    const std::exception_ptr thrown = std::move(promise.thrown);
    if (thrown) {
      invocation::fail(owner.host(), owner.raw(), thrown);
    } else {
      owner.host().services().invocation->fail(owner.raw(), CACHECORE_NOT_FOUND, nullptr);
    }
  }

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

}  // namespace detail

}  // namespace cachecore::plugin
