// commands.hpp: commands that are put together step by step, and connections of one's own.
//
// `words` is one command of a length known only at run time, `pipeline` and `transaction` several of them. Both keep
// their arrays through clear(), so a loop reuses them. Text given as std::string is copied, other text is referred to
// until the await.
//
//     auto batch = call.pipeline();
//     for (const entry &pair : pairs) batch.add("SET", call.key(pair.key.as_text()), pair.value);
//     for (const value &reply : (co_await batch).items()) reply.or_throw();
//
// Thread rule and lifetime: those of the invocation they were made with.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "request.hpp"

namespace cachecore::plugin {

namespace detail {

// An array in the invocation's memory.
template <class T>
class growing {
 public:
  void add(invocation &owner, const T &item) {
    if (count_ == capacity_) {
      const size_t wider = capacity_ == 0 ? 16 : capacity_ * 2;
      T *moved = owner.allocate_array<T>(wider);
      if (count_ > 0) std::memcpy(static_cast<void *>(moved), items_, count_ * sizeof(T));
      items_ = moved;
      capacity_ = wider;
    }
    items_[count_++] = item;
  }
  void clear() noexcept { count_ = 0; }
  [[nodiscard]] size_t size() const noexcept { return count_; }
  [[nodiscard]] std::span<T> all() const noexcept { return {items_, count_}; }

 private:
  T *items_ = nullptr;
  size_t count_ = 0;
  size_t capacity_ = 0;
};

// A word that is sent later than the expression it stands in.
template <class T>
value kept_word(invocation &owner, const T &given) {
  if constexpr (std::is_same_v<T, std::string>) {
    char *copy = owner.allocate_array<char>(given.size() + 1);
    std::memcpy(copy, given.c_str(), given.size() + 1);
    return value(std::string_view(copy, given.size()));
  } else {
    return word(given);
  }
}

}  // namespace detail

// One command: `auto set = call.words("SET", key, text); if (ttl_ms) set.add("PX", *ttl_ms); co_await call.redis(set);`
class words {
 public:
  explicit words(invocation &owner) noexcept : owner_(&owner) {}

  template <class... Words>
  words &add(const Words &...more) {
    (words_.add(*owner_, detail::kept_word(*owner_, more)), ...);
    return *this;
  }
  void clear() noexcept { words_.clear(); }
  [[nodiscard]] size_t size() const noexcept { return words_.size(); }
  [[nodiscard]] std::span<const value> all() const noexcept { return words_.all(); }

 private:
  invocation *owner_;
  detail::growing<value> words_;
};

// Gathers commands. `Batch` says how they are sent.
template <class Batch>
class command_batch : public awaitable<Batch> {
 public:
  template <class... Words>
  Batch &add(const Words &...more) {
    const size_t first = words_.size();
    (words_.add(this->owner(), detail::kept_word(this->owner(), more)), ...);
    return close(first);
  }
  Batch &add(const words &command) {
    const size_t first = words_.size();
    for (const value &word : command.all()) words_.add(this->owner(), word);
    return close(first);
  }
  void clear() noexcept {
    words_.clear();
    commands_.clear();
  }
  [[nodiscard]] size_t size() const noexcept { return commands_.size(); }

  Batch &read() noexcept { return with(CACHECORE_REDIS_READ); }
  Batch &idempotent() noexcept { return with(CACHECORE_REDIS_IDEMPOTENT); }
  Batch &may_be_stale() noexcept { return with(CACHECORE_REDIS_MAY_BE_STALE); }
  Batch &isolated() noexcept { return with(CACHECORE_REDIS_ISOLATED); }

 protected:
  // The commands as LISTs of words. Until now each only counted its words, since their array moved while it grew.
  [[nodiscard]] std::span<const value> commands() noexcept {
    const value *next = words_.all().data();
    for (value &command : commands_.all()) {
      command.as.list.items = next;
      next += command.as.list.count;
    }
    return commands_.all();
  }

  uint32_t flags_ = 0;

 private:
  friend Batch;
  explicit command_batch(invocation &owner) noexcept : awaitable<Batch>(owner) {}

  Batch &close(size_t first) {
    commands_.add(this->owner(), value(cachecore_list(nullptr, words_.size() - first)));
    return static_cast<Batch &>(*this);
  }
  Batch &with(uint32_t flag) noexcept {
    flags_ |= flag;
    return static_cast<Batch &>(*this);
  }

  detail::growing<value> words_;
  detail::growing<value> commands_;
};

// Sent together. The answer is the LIST of replies, failed ones as ERROR.
class pipeline final : public command_batch<pipeline> {
 public:
  explicit pipeline(invocation &owner) noexcept : command_batch(owner) {}
  void begin() noexcept {
    const auto sent = commands();
    services().redis->pipeline(raw(), sent.data(), sent.size(), flags_, &arrived, static_cast<pending *>(this));
  }
};

// The same within MULTI and EXEC: all or nothing is applied. Its keys share a hash slot.
class transaction final : public command_batch<transaction> {
 public:
  explicit transaction(invocation &owner) noexcept : command_batch(owner) {}
  void begin() noexcept {
    const auto sent = commands();
    services().redis->transaction(raw(), sent.data(), sent.size(), flags_, &arrived, static_cast<pending *>(this));
  }
};

// Commands on a leased connection, where stateful and blocking ones are allowed.
class leased_commands final : public command_batch<leased_commands> {
 public:
  leased_commands(invocation &owner, int64_t connection) noexcept : command_batch(owner), connection_(connection) {}
  void begin() noexcept {
    const auto sent = commands();
    services().redis->leased(raw(), connection_, sent.data(), sent.size(), &arrived, static_cast<pending *>(this));
  }

 private:
  int64_t connection_;
};

// One of them: the answer is its reply.
template <size_t N>
class [[nodiscard]] leased_command final : public awaitable<leased_command<N>> {
 public:
  leased_command(invocation &owner, int64_t connection, const std::array<value, N> &words) noexcept
      : awaitable<leased_command>(owner), connection_(connection), words_(words) {}

  void begin() noexcept {
    const value whole{std::span<const value>(words_)};
    this->services().redis->leased(this->raw(), connection_, &whole, 1, &pending::arrived,
                                   static_cast<pending *>(this));
  }
  [[nodiscard]] value outcome() const {
    const value answer = this->answer_or_throw();
    const list_view replies = answer.items();
    if (replies.size() != 1) throw error(CACHECORE_INTERNAL, "expected one reply");
    return replies[0].or_throw();
  }

 private:
  int64_t connection_;
  std::array<value, N> words_;
};

// An exclusive connection. Given back by release, else closed when the object goes: its state is unknown then.
class lease {
 public:
  lease(invocation &owner, int64_t connection) noexcept : owner_(&owner), connection_(connection) {}
  lease(lease &&other) noexcept : owner_(std::exchange(other.owner_, nullptr)), connection_(other.connection_) {}
  lease &operator=(lease &&other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(connection_, other.connection_);
    return *this;
  }
  ~lease() { release(false); }

  template <class... Words>
  [[nodiscard]] leased_command<sizeof...(Words)> redis(const Words &...words) const noexcept {
    return {*owner_, connection_, {detail::word(words)...}};
  }
  [[nodiscard]] leased_commands commands() const noexcept { return {*owner_, connection_}; }

  // `clean`: its state is as it was (no WATCH, MULTI, SELECT ...), so others may use it.
  void release(bool clean = true) noexcept {
    if (invocation *owner = std::exchange(owner_, nullptr)) {
      owner->host().services().redis->release(owner->raw(), connection_, clean ? 1 : 0);
    }
  }

 private:
  invocation *owner_;
  int64_t connection_;
};

class [[nodiscard]] lease_request final : public awaitable<lease_request> {
 public:
  lease_request(invocation &owner, const value &key) noexcept : awaitable(owner), key_(key) {}
  void begin() noexcept { services().redis->lease(raw(), &key_, &arrived, static_cast<pending *>(this)); }
  [[nodiscard]] lease outcome() const { return {owner(), answer_or_throw().as_int()}; }

 private:
  value key_;
};

}  // namespace cachecore::plugin
