// session.h: who is logged in, by ids that only their holder knows.
//
// The problem: a session is read at every request, by many processes at once, while others change it, log it out or
// give it a new id; what is done wrong here lets the wrong person in. The answers:
//
// - A session lives in one key of Redis (scripts/sessions.lua has the fields), named by the SHA-256 of its id: who
// reads
//   the database learns no id. A user's sessions and their index share a hash slot, so that whatever concerns several
//   keys is one script.
// - Everything but reading is a script that first looks whether the session lives. So nothing brings one back that has
//   ended, whatever it raced with.
// - Reading is HGETALL alone. That a session is in use is written seldom (record::unwritten_ms), and again by a script.
// - An id that was replaced leaves a forward for a while, so that requests which still carry it find the session. The
//   forward also holds the new id, sealed with a key made of the old one: whoever presents the old id learns the new
//   one, and requests that replace an id at the same time agree on one.
// - A session that nobody has heard of is taken back: grants.cpp.
//
// README.md has what is guaranteed, the keys and what the methods cost.
//
// Thread rule: members are constant, atomic, or guarded by `grants_mutex_`.
#pragma once

#include <cachecore/plugin.hpp>

#include <atomic>
#include <deque>
#include <mutex>
#include <string>

#include "ids.h"
#include "record.h"
#include "server_clock.h"

namespace session_plugin {

using namespace cachecore::plugin;

class session {
 public:
  session(host &host, const value &config);

  // opening.cpp
  task<value> begin(call &call, std::string_view user_id);
  task<value> create(call &call, std::optional<std::string_view> user_id, map_view attributes,
                     std::optional<int64_t> idle_ms, std::optional<int64_t> absolute_ms,
                     std::optional<int64_t> max_per_user, std::optional<std::string_view> ticket);

  // reading.cpp
  task<value> get(call &call, std::string_view id);
  task<int64_t> refresh(call &call, std::string_view id);

  // changing.cpp
  task<int64_t> update(call &call, std::string_view id, map_view changes, std::optional<int64_t> version);

  // renewing.cpp
  task<value> regenerate(call &call, std::string_view id, std::optional<std::string_view> user_id,
                         std::optional<std::string_view> ticket);

  // ending.cpp
  task<bool> destroy(call &call, std::string_view id_or_handle);
  task<int64_t> destroy_all(call &call, std::string_view user_id, std::optional<std::string_view> except);

  // listing.cpp
  task<value> list(call &call, std::string_view user_id);
  task<int64_t> count(call &call, std::string_view user_id);

  // grants.cpp
  task<void> undo(call &call, value granted);

 private:
  // How a session is opened. Its texts live as long as the call.
  struct opening {
    std::string_view user;  // empty: nobody
    int64_t idle_ms = 0;
    int64_t absolute_ms = 0;
    int64_t max_per_user = 0;  // 0: any number
    std::optional<ticket_parts> ticket;
    // The session of the same bucket that it takes the place of, in the version that was read.
    const place *replaced = nullptr;
    int64_t replaced_version = 0;
  };
  struct opened {
    int64_t now_ms = 0;
    int64_t created_at_ms = 0;
    int64_t ended = 0;      // how many others, for max_per_user
    bool outdated = false;  // nothing was made: what it was to replace has changed
  };
  // Where a presented id leads.
  struct found {
    place at;            // what a script is asked for
    bool plain = false;  // by way of another system's key
    std::string_view plain_key;
  };
  struct looked {
    place at;  // where it is now
    record seen;
    value id;        // by which its holder knows it from now on
    int64_t now_ms;  // of the server
  };

  // A session that was asked for and not yet handed over. Unless somebody `has` it, it is taken back.
  class grant {
   public:
    grant(session &owner, const place &at) noexcept : owner_(owner), at_(at) {}
    grant(const grant &) = delete;
    grant &operator=(const grant &) = delete;
    ~grant() {
      if (asked_) owner_.take_back_later(at_);
    }
    // From here on it may exist.
    void asked() noexcept { asked_ = true; }
    // It does not exist, or its answer is on its way to the caller.
    void has() noexcept { asked_ = false; }
    // The same, if that is what an error says.
    void failed(const error &why) noexcept;

   private:
    session &owner_;
    const place at_;
    bool asked_ = false;
  };

  // Keys
  [[nodiscard]] static std::array<char, 6> tag_of(uint8_t bucket) noexcept;  // {s7f}:
  [[nodiscard]] static std::string_view home(call &call, uint8_t bucket);
  [[nodiscard]] static std::string_view key(call &call, const place &at);
  [[nodiscard]] static std::string_view index_key(call &call, uint8_t bucket, std::string_view user);
  [[nodiscard]] static std::string_view mark_key(call &call, uint8_t bucket, std::string_view user);
  [[nodiscard]] digest user_digest(std::string_view user) const;
  [[nodiscard]] uint8_t bucket_of(std::string_view user) const;  // of nobody: any

  // server.cpp
  task<void> check_server(call &call);
  void check_user(std::string_view user) const;
  void check_duration(const char *name, int64_t ms) const;
  void learn(uint8_t bucket, int64_t server_ms) noexcept;

  // opening.cpp
  task<opened> open(call &call, place at, opening how, words &attributes, grant &granted);
  [[nodiscard]] ticket_parts read_ticket(std::string_view ticket, std::string_view user) const;

  // reading.cpp
  task<std::optional<found>> locate(call &call, std::string_view id);
  // Follows forwards. Nothing where there is no session.
  task<std::optional<looked>> look(call &call, std::string_view id, found where);
  task<std::optional<int64_t>> touch(call &call, found where);

  // renewing.cpp
  task<value> rotate(call &call, std::string_view id, found where);
  task<value> log_in(call &call, std::string_view id, found where, std::string_view user,
                     std::optional<ticket_parts> ticket);
  [[nodiscard]] std::array<uint8_t, 32> sealing_key(const token &id) const;
  // The id that a forward holds for whoever presents `id`; nothing when it was not sealed with it.
  [[nodiscard]] std::optional<token> unseal(const token &id, std::string_view successor) const;

  // plain.cpp
  task<std::optional<place>> take_over(call &call, std::string_view plain_key);
  [[nodiscard]] std::optional<std::string_view> plain_key_of(call &call, std::string_view id) const;

  // grants.cpp
  void take_back_later(const place &at) noexcept;
  task<void> take_back_left(call &call);

  [[nodiscard]] const cachecore_crypto_service &crypto() const noexcept { return *host_.services().crypto; }

  struct left_grant {
    place at;
    int64_t until_ms = 0;  // of host.now_ms(): then it is given up
    int64_t pause_ms = 0;  // before the next attempt, when the server is away
  };

  host &host_;
  const int64_t idle_ms_;
  const int64_t absolute_ms_;
  const int64_t max_per_user_;
  const int64_t grace_ms_;
  const std::string plain_prefix_;  // empty: no other system's sessions are taken over
  const std::string plain_user_;
  std::atomic<bool> admitted_;  // the server is known not to evict, or that does not matter
  server_clock clock_;
  metric taken_back_;
  metric taken_over_;

  std::mutex grants_mutex_;
  std::deque<left_grant> left_;
  bool taking_back_ = false;
};

}  // namespace session_plugin
