// push_connection.h: a connection that carries subscriptions.
//
// Subscriptions of many invocations share it: the server is asked once a channel, when the first comes and when the
// last goes. It is dialed when first needed; when it is lost, every subscription is told "deaf", it is dialed again
// with backoff, and all channels are subscribed anew ("subscribed" tells when each hears again). A PING every few
// seconds notices a connection that only looks alive. Which node carries it is asked at every dial.
//
// Thread rule: everything on the loop's thread.
#pragma once

#include <event2/event.h>

#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/runtime/invocation.h"
#include "core/wire/reply_reader.h"
#include "core/wire/tls.h"

namespace cachecore_internal {

class node;
class push_connection;

// What one invocation listens to. Its wait ends when the invocation is given up; messages run the same continuation
// before.
struct subscription {
  push_connection *connection = nullptr;
  invocation *owner = nullptr;
  wait *end = nullptr;
  uint32_t kind = 0;
  std::vector<std::string> channels;
  std::function<void(const cachecore_value &message)> heard;  // of the core itself, instead of an owner
  bool over = false;
};

// Makes a push connection hear of changed keys too: CLIENT TRACKING of prefixes in broadcast mode, redirected to the
// connection itself, whose messages come on the channel __redis__:invalidate.
struct tracked_prefixes {
  std::vector<std::string> prefixes;
  std::function<void(const cachecore_value &keys)> changed;
  std::function<void()> lost;
  // A PING sent then (boot_ns) was answered: whatever was changed before it has been told.
  std::function<void(int64_t sent)> proven;
};

class push_connection {
 public:
  // `choose` names the node to connect to, or null: then it tries again later.
  push_connection(engine &owner, std::function<node *()> choose);
  ~push_connection();
  push_connection(const push_connection &) = delete;
  push_connection &operator=(const push_connection &) = delete;

  void add(std::shared_ptr<subscription> added);
  // Before anything is added.
  void track(tracked_prefixes what);
  // Listens for the core itself, as long as the connection lives. Throws std::bad_alloc.
  void listen(std::vector<std::string> channels, std::function<void(const cachecore_value &message)> heard);
  void remove(const std::shared_ptr<subscription> &removed) noexcept;
  void end(invocation &owner) noexcept;
  [[nodiscard]] bool has(const invocation &owner, uint32_t kind) const noexcept;
  void shut() noexcept;

 private:
  enum class tracking_step : uint8_t { none, asking_id, asking_tracking, on };
  enum class state : uint8_t { idle, dialing, backing_off, ready, closed };
  struct topic {
    std::vector<std::shared_ptr<subscription>> listeners;
    bool confirmed = false;
  };
  struct timer : timer_entry {
    push_connection *owner = nullptr;
  };
  using topics = std::unordered_map<std::string, topic>;

  static constexpr uint32_t all_kinds[] = {CACHECORE_SUBSCRIBE_CHANNELS, CACHECORE_SUBSCRIBE_PATTERNS,
                                           CACHECORE_SUBSCRIBE_SHARDED};
  static constexpr size_t kind_count = std::size(all_kinds);

  topics &topics_of(uint32_t kind) noexcept { return topics_[kind]; }
  void dial() noexcept;
  void connected(int descriptor, std::shared_ptr<tls_session> tls) noexcept;
  void lost(const std::string &why) noexcept;
  void send(uint32_t kind, bool on, const std::vector<std::string> &names);
  void write() noexcept;
  void on_readable() noexcept;
  void take(const cachecore_value &push, arena &memory);
  void tell(subscription &listener, const cachecore_value &message) noexcept;
  void tell_all(topic &from, const cachecore_value &message) noexcept;
  void check_alive() noexcept;
  void ping();
  void subscribe_all();
  bool take_tracking_step(const cachecore_value &reply);

  engine &engine_;
  const std::function<node *()> choose_;
  state state_ = state::idle;
  int descriptor_ = -1;
  std::shared_ptr<tls_session> tls_;  // none: plain
  event *read_event_ = nullptr;
  event *write_event_ = nullptr;
  std::string out_;
  std::unique_ptr<reply_reader> decoder_;
  std::unique_ptr<arena> push_memory_;  // of the push that is being read
  cachecore_value push_{};
  topics topics_[kind_count];  // by kind
  std::unordered_map<invocation *, std::vector<std::shared_ptr<subscription>>> by_owner_;
  tracked_prefixes tracked_;
  tracking_step step_ = tracking_step::none;
  std::deque<int64_t> pings_;  // when they were sent; unanswered
  uint32_t refusals_ = 0;
  int64_t last_heard_ = 0;
  timer retry_;
  timer alive_;
};

}  // namespace cachecore_internal
