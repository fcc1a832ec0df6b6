// request.hpp: what a method can wait for at the host: the awaitables that `call` makes.
//
// An awaitable begins its request when it is awaited and continues once with its outcome; a failure is thrown as
// `error`. It refers to the words it was made from, so it is awaited in the expression that makes it:
//
//     co_await call.redis("SET", key, std::to_string(n)).idempotent();
//     auto [user, cart] = co_await all(call.redis("GET", a), call.redis("HGETALL", b));   // one round trip
//
// Invariants: the object stays where it is from begin to arrival (it lies in a coroutine frame, and frames run to their
// end).
#pragma once

#include <array>
#include <coroutine>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "invocation.hpp"
#include "task.hpp"

namespace cachecore::plugin {

// What the host answered. It lives as long as the invocation's result, or until `call.forget(reply)`.
class reply : public value {
 public:
  explicit reply(const cachecore_value *answer) noexcept
      : value(answer == nullptr ? value() : value(*answer)), origin_(answer) {}

  [[nodiscard]] const cachecore_value *origin() const noexcept { return origin_; }

 private:
  const cachecore_value *origin_;
};

// One wait for a continuation of the host.
class pending {
 public:
  explicit pending(invocation &owner) noexcept : owner_(&owner) {}

 protected:
  ~pending() = default;
  pending(const pending &) = default;
  pending &operator=(const pending &) = default;

  static void arrived(void *state, cachecore_status status, const cachecore_value *answer,
                      const cachecore_error *failed) noexcept {
    auto &self = *static_cast<pending *>(state);
    self.status_ = status;
    self.answer_ = answer;
    self.failed_ = failed;
    if (self.beginning_) {
      self.arrived_at_once_ = true;
    } else {
      self.owner_->resume(self.together_ != nullptr ? self.together_->arrived() : self.waiter_);
    }
  }

  [[nodiscard]] reply answer_or_throw() const {
    if (status_ != CACHECORE_OK) {
      if (failed_ != nullptr) throw error(*failed_);
      throw error(status_, status_ == CACHECORE_NOT_FOUND ? "not found" : "the host gave no reason");
    }
    return reply(answer_);
  }

  [[nodiscard]] invocation &owner() const noexcept { return *owner_; }
  [[nodiscard]] cachecore_invocation *raw() const noexcept { return owner_->raw(); }
  [[nodiscard]] const plugin::services &services() const noexcept { return owner_->host().services(); }

  invocation *owner_;
  std::coroutine_handle<> waiter_;
  join *together_ = nullptr;
  // A host answers later, but for one without memory to wait: that must not continue a coroutine that is not suspended
  // yet.
  bool beginning_ = false;
  bool arrived_at_once_ = false;
  cachecore_status status_ = CACHECORE_OK;
  const cachecore_value *answer_ = nullptr;
  const cachecore_error *failed_ = nullptr;
};

// Awaiting a `Request`, which has begin() and outcome().
template <class Request>
class awaitable : public pending {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    return !begin_at_once();
  }
  auto await_resume() { return static_cast<Request *>(this)->outcome(); }

  void start(join &together) noexcept {
    together_ = &together;
    // Not the last to arrive: `all` counts itself until all have begun.
    if (begin_at_once()) (void)together.arrived();
  }
  [[nodiscard]] reply outcome() const { return answer_or_throw(); }

 private:
  friend Request;
  template <class>
  friend class flagged;
  template <class>
  friend class command_batch;
  explicit awaitable(invocation &owner) noexcept : pending(owner) {}

  // True when the outcome came at once.
  bool begin_at_once() noexcept {
    beginning_ = true;
    arrived_at_once_ = false;
    static_cast<Request *>(this)->begin();
    beginning_ = false;
    return arrived_at_once_;
  }
};

// How a command may be treated; see CACHECORE_REDIS_... in plugin.h.
template <class Request>
class flagged : public awaitable<Request> {
 public:
  // Changes nothing: for scripts; commands the core knows need no flag.
  Request &&read() && noexcept { return with(CACHECORE_REDIS_READ); }
  // May be sent again when its reply was lost.
  Request &&may_be_stale() && noexcept { return with(CACHECORE_REDIS_MAY_BE_STALE); }
  Request &&idempotent() && noexcept { return with(CACHECORE_REDIS_IDEMPOTENT); }
  // May be slow: kept off the lanes that others share.
  Request &&isolated() && noexcept { return with(CACHECORE_REDIS_ISOLATED); }

 protected:
  uint32_t flags_ = 0;

 private:
  friend Request;
  explicit flagged(invocation &owner) noexcept : awaitable<Request>(owner) {}

  Request &&with(uint32_t flag) noexcept {
    flags_ |= flag;
    return static_cast<Request &&>(*this);
  }
};

namespace detail {

// A word of a command that is sent before the expression ends.
template <class T>
value word(const T &given) noexcept {
  static_assert(!std::is_same_v<T, bool>, "Redis has no booleans: say 1 or 0");
  if constexpr (std::is_same_v<T, std::string>) {
    return value(std::string_view(given));
  } else {
    return value(given);
  }
}

}  // namespace detail

// Where a command goes.
enum class route { by_key, each_node, one_node };

// One command. By key the answer is the reply; each_node answers with the LIST of replies, failed ones as ERROR.
template <size_t N>
class [[nodiscard]] command final : public flagged<command<N>> {
 public:
  command(invocation &owner, const std::array<value, N> &words, route where, size_t node) noexcept
      : flagged<command>(owner), words_(words), where_(where), node_(node) {}

  void begin() noexcept { send(words_.data(), N); }

 protected:
  void send(const value *words, size_t count) noexcept {
    const auto &redis = *this->services().redis;
    if (where_ == route::by_key) {
      redis.command(this->raw(), words, count, this->flags_, &pending::arrived, static_cast<pending *>(this));
    } else if (where_ == route::each_node) {
      redis.each_node(this->raw(), words, count, this->flags_, &pending::arrived, static_cast<pending *>(this));
    } else {
      redis.on_node(this->raw(), node_, words, count, this->flags_, &pending::arrived, static_cast<pending *>(this));
    }
  }

 private:
  std::array<value, N> words_;
  route where_;
  size_t node_;
};

// The same of words that were gathered elsewhere.
class [[nodiscard]] gathered_command final : public flagged<gathered_command> {
 public:
  gathered_command(invocation &owner, std::span<const value> words) noexcept : flagged(owner), words_(words) {}
  void begin() noexcept {
    services().redis->command(raw(), words_.data(), words_.size(), flags_, &arrived, static_cast<pending *>(this));
  }

 private:
  std::span<const value> words_;
};

// The keys of a script: `keys(a, b)`.
template <size_t N>
struct key_words {
  std::array<value, N> words;
};

template <class... Words>
[[nodiscard]] key_words<sizeof...(Words)> keys(const Words &...words) noexcept {
  return {{detail::word(words)...}};
}

// A Lua script with its keys and arguments.
template <size_t Keys, size_t Arguments>
class [[nodiscard]] script_run final : public flagged<script_run<Keys, Arguments>> {
 public:
  script_run(invocation &owner, const cachecore_script &script, const std::array<value, Keys> &keys,
             const std::array<value, Arguments> &arguments) noexcept
      : flagged<script_run>(owner), script_(&script), keys_(keys), arguments_(arguments) {}

  void begin() noexcept {
    this->services().redis->script(this->raw(), script_, keys_.data(), Keys, arguments_.data(), Arguments, this->flags_,
                                   &pending::arrived, static_cast<pending *>(this));
  }

 private:
  const cachecore_script *script_;
  std::array<value, Keys> keys_;
  std::array<value, Arguments> arguments_;
};

// The same of keys and arguments that were gathered elsewhere.
class [[nodiscard]] gathered_script_run final : public flagged<gathered_script_run> {
 public:
  gathered_script_run(invocation &owner, const cachecore_script &script, std::span<const value> keys,
                      std::span<const value> arguments) noexcept
      : flagged(owner), script_(&script), keys_(keys), arguments_(arguments) {}

  void begin() noexcept {
    services().redis->script(raw(), script_, keys_.data(), keys_.size(), arguments_.data(), arguments_.size(), flags_,
                             &arrived, static_cast<pending *>(this));
  }

 private:
  const cachecore_script *script_;
  std::span<const value> keys_;
  std::span<const value> arguments_;
};

class [[nodiscard]] sleep_request final : public awaitable<sleep_request> {
 public:
  sleep_request(invocation &owner, int64_t ms) noexcept : awaitable(owner), ms_(ms) {}
  void begin() noexcept { services().timer->sleep(raw(), ms_, &arrived, static_cast<pending *>(this)); }
  void outcome() const { (void)answer_or_throw(); }

 private:
  int64_t ms_;
};

// Another method. Its NOT_FOUND is an answer: nothing.
template <size_t N>
class [[nodiscard]] method_call final : public awaitable<method_call<N>> {
 public:
  method_call(invocation &owner, const cachecore_method *method, const std::array<value, N> &arguments) noexcept
      : awaitable<method_call>(owner), method_(method), arguments_(arguments) {}

  void begin() noexcept {
    this->services().call->call(this->raw(), method_, arguments_.data(), N, &pending::arrived,
                                static_cast<pending *>(this));
  }
  [[nodiscard]] std::optional<reply> outcome() const {
    if (this->status_ == CACHECORE_NOT_FOUND) return std::nullopt;
    return this->answer_or_throw();
  }

 private:
  const cachecore_method *method_;
  std::array<value, N> arguments_;
};

// Stands for the outcome of what answers nothing, in the outcomes of `all`.
struct nothing {};

namespace detail {

template <class Part>
auto outcome_of(Part &part) {
  if constexpr (std::is_void_v<decltype(part.outcome())>) {
    part.outcome();
    return nothing{};
  } else {
    return part.outcome();
  }
}

}  // namespace detail

template <class... Parts>
class [[nodiscard]] all_of {
 public:
  explicit all_of(Parts &&...parts) noexcept : parts_(std::move(parts)...) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept {
    // One more than there are, so that nobody goes on before all have begun.
    together_ = {sizeof...(Parts) + 1, waiter};
    std::apply([this](auto &...part) { (part.start(together_), ...); }, parts_);
    return --together_.outstanding != 0;
  }
  auto await_resume() {
    return std::apply([](auto &...part) { return std::tuple{detail::outcome_of(part)...}; }, parts_);
  }

 private:
  std::tuple<Parts...> parts_;
  join together_{};
};

// Begins several requests and tasks in one step, so that their commands are sent together, and continues when all have
// ended. The outcomes come as a tuple; if some failed, the first failure is thrown.
template <class... Parts>
  requires(!std::is_lvalue_reference_v<Parts> && ...)
all_of<Parts...> all(Parts &&...parts) noexcept {
  return all_of<Parts...>(std::move(parts)...);
}

template <class T>
class [[nodiscard]] all_tasks {
 public:
  explicit all_tasks(std::vector<task<T>> tasks) noexcept : tasks_(std::move(tasks)) {}

  [[nodiscard]] bool await_ready() const noexcept { return tasks_.empty(); }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept {
    together_ = {tasks_.size() + 1, waiter};
    for (const task<T> &part : tasks_) part.start(together_);
    return --together_.outstanding != 0;
  }
  auto await_resume() {
    std::vector<decltype(detail::outcome_of(tasks_.front()))> outcomes;
    outcomes.reserve(tasks_.size());
    for (task<T> &part : tasks_) outcomes.push_back(detail::outcome_of(part));
    return outcomes;
  }

 private:
  std::vector<task<T>> tasks_;
  join together_{};
};

// The same for as many tasks as there are; the outcomes come in their order.
template <class T>
all_tasks<T> all(std::vector<task<T>> tasks) noexcept {
  return all_tasks<T>(std::move(tasks));
}

}  // namespace cachecore::plugin
