// auth.h: tokens, refresh tokens and attempts, as methods.
//
// A sign-in is a token, or a pair: a refresh token with its access tokens, which together are a family. Everything of a
// user lies in the user's bucket, behind one hash tag, so that each method changes it by one script:
//
//     auth:{BBBB}:u:USER           the user's list: sign-ins, scored by their expiry
//     auth:{BBBB}:e:USER           the user's marker: written by revoke_all, lives a little longer than a ticket
//     auth:{BBBB}:t:SELECTOR       the record of a token, or of an access token of a pair
//     auth:{BBBB}:f:SELECTOR       a family
//     auth:{BBBB}:r:SELECTOR:SHA1  the sealed successor of a refresh token that was rotated, for the grace
//     auth:{BBBB}:w:SELECTOR       the mark of a withdrawal: what is issued under it is refused
//     auth:{SELECTOR}:p            the pointer of a token that its caller made: the bucket of its record. It stays when
//                                  that is revoked, and goes with the token's ttl: it lies in another slot, so removing
//                                  it could meet a new issue of the same token
//     auth:a:{SELECTOR}            a subject of attempt
//
// Invariants, kept by the scripts:
// - A record, and a family, is in its user's list, and expires by itself; the list holds nothing else once it was
//   written, and expires with the last of it. (Access tokens of a pair are reached by their family.)
// - What is in the list can be ended by revoke_all in one step; nothing outside it is ever accepted but for the
// pointer,
//   which decides nothing.
// - A token's text is in no key, value, argument, error or log. (Keys of migrate_from are the exception: they are how
//   the earlier application wrote them.)
//
// Granting. What issue, issue_pair and rotate make is known to nobody until their caller has the answer. So a caller
// that leaves before that, also while the reply is on its way, has it taken back (withdraw.lua), and a request that
// arrives after that is refused by the mark of the withdrawal.
//
// Thread rule: of the core (plugin.hpp). Members are set by the constructor, but for two atomics and the withdrawals,
// which have a mutex.
#pragma once

#include <cachecore/plugin.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "digests.h"
#include "settings.h"
#include "token_text.h"

namespace auth_plugin {

using namespace cachecore::plugin;

// Where a token lies.
struct place {
  uint16_t bucket = 0;
  std::array<uint8_t, selector_size> selector{};
};

// What is to be signed in.
struct sign_in {
  std::string_view user_id;
  uint16_t bucket;
  std::string_view metadata;  // JSON, or empty
  std::string_view device;
  int64_t ttl_ms;
  int64_t family_ttl_ms;  // of a pair
  int64_t max_per_user;
  std::string_view ticket_time;  // empty: no ticket
  std::string_view ticket_marker;
};

class auth {
 public:
  auth(host &host, const value &config);

  // issuing.cpp
  task<value> begin(call &call, std::string_view user_id);
  task<value> issue(call &call, std::string_view user_id, value metadata, std::optional<int64_t> ttl_ms,
                    std::optional<std::string_view> device, std::optional<int64_t> max_per_user,
                    std::optional<std::string_view> ticket, std::optional<std::string_view> token);
  task<value> issue_pair(call &call, std::string_view user_id, value metadata, std::optional<int64_t> ttl_ms,
                         std::optional<int64_t> refresh_ttl_ms, std::optional<std::string_view> device,
                         std::optional<int64_t> max_per_user, std::optional<std::string_view> ticket);

  // verification.cpp
  task<value> verify(call &call, std::string_view token);
  task<int64_t> expire(call &call, std::string_view token, int64_t ttl_ms);

  // revocation.cpp
  task<bool> revoke(call &call, std::string_view token_or_handle, std::optional<std::string_view> user_id);
  task<int64_t> revoke_all(call &call, std::string_view user_id, std::optional<std::string_view> except);

  // listing.cpp
  task<value> list(call &call, std::string_view user_id);

  // rotation.cpp
  task<value> rotate(call &call, std::string_view refresh_token);

  // withdrawal.cpp
  task<void> undo_issue(call &call, value granted);
  task<void> undo_rotate(call &call, value granted);
  task<void> withdraw_one(call &call);

  // attempts.cpp
  task<value> attempt(call &call, std::string_view subject, int64_t limit, int64_t window_ms);

 private:
  // What a text that was given for a token may stand for.
  struct meant {
    enum class kind : uint8_t { nothing, token, family };
    kind what = kind::nothing;
    place at{};
  };

  // Keys.
  [[nodiscard]] std::string_view root(call &call, uint16_t bucket) const;
  [[nodiscard]] std::string_view pointer_key(call &call, std::string_view selector) const;

  // eviction.cpp: to be awaited before anything else while `server_checked_` is false.
  task<void> check_server(call &call);

  // issuing.cpp
  sign_in prepare(call &call, std::string_view user_id, const value &metadata, const std::optional<int64_t> &ttl_ms,
                  const std::optional<std::string_view> &device, const std::optional<int64_t> &max_per_user,
                  const std::optional<std::string_view> &ticket) const;
  [[nodiscard]] std::string write_ticket(std::string_view user_id, int64_t now, std::string_view marker) const;
  void read_ticket(call &call, std::string_view ticket, sign_in &into) const;
  std::string new_token(uint16_t bucket) const;
  std::string new_refresh_token(uint16_t bucket, std::span<const uint8_t> family) const;
  task<value> issue_own(call &call, sign_in what);
  // Refuses a token that is another user's.
  task<value> issue_callers(call &call, sign_in what, std::string_view token);
  [[noreturn]] void refuse_issue(std::string_view outcome) const;

  // verification.cpp
  [[nodiscard]] bool may_be_callers(std::string_view token) const;
  task<int64_t> pointed_bucket(call &call, std::string_view selector);
  [[nodiscard]] bool is_right(const value &verifier, const secret_digest &known) const;
  static value describe(call &call, const value &read);
  // Of a token, a refresh token or, with `handles`, a handle.
  task<meant> find(call &call, std::string_view text, bool handles);
  void warn_unreadable(const error &failed);

  // withdrawal.cpp
  // What a sign-in is taken back by: its handle, for a caller's token the grant too; or a rotation's refresh token.
  struct withdrawal {
    std::string handle;
    std::string grant;
    std::string refresh_token;
  };
  void take_back(withdrawal what);
  task<void> withdraw_issue(call &call, std::string_view handle, std::string_view grant);
  task<void> withdraw_rotation(call &call, std::string_view refresh_token);

  // listing.cpp
  [[nodiscard]] std::string handle_of(uint16_t bucket, std::string_view member) const;

  // migration.cpp
  // What plain keys say of a token; without a user it is not good.
  struct plain_token {
    std::string_view user_id;
    value metadata;
    int64_t ttl_ms = 0;
  };
  task<plain_token> read_plain(call &call, std::string_view token);
  task<void> take_over(call &call, std::string_view token);
  task<void> remove_plain(call &call, std::string_view user_id, std::string_view token);
  task<void> take_over_all(call &call, std::string_view user_id);
  task<int64_t> revoke_plain(call &call, std::string_view user_id);
  task<std::vector<std::string_view>> plain_tokens(call &call, std::string_view list);

  host &host_;
  settings settings_;
  token_text text_;
  metric reused_;
  metric taken_over_;
  std::mutex withdrawals_mutex_;
  std::vector<withdrawal> withdrawals_;  // not yet begun
  std::atomic<bool> server_checked_{false};
  std::atomic<int64_t> warned_at_ms_{0};
};

// How long the mark of a withdrawal stays: no request is on its way for longer.
inline constexpr int64_t withdrawal_ms = 300'000;

// Texts that callers may make.
inline constexpr size_t shortest_callers_token = 16;
inline constexpr size_t longest_callers_token = 4'096;

// The head of a payload.
inline void put_bucket(std::span<uint8_t> payload, uint16_t bucket) noexcept {
  payload[0] = static_cast<uint8_t>(bucket >> 8);
  payload[1] = static_cast<uint8_t>(bucket);
}

[[nodiscard]] std::string handle_text(const token_text &text, letter kind, uint16_t bucket,
                                      std::span<const uint8_t> selector);

// An answer of a script, read in order; throws CORRUPT where it is shorter.
[[nodiscard]] inline const value &part(const value &answer, size_t index) {
  const auto items = answer.items();
  if (index >= items.size()) throw error(CACHECORE_CORRUPT, "a script answered too little");
  return items[index];
}

}  // namespace auth_plugin
