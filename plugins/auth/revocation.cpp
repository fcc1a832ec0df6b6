// revocation.cpp: one sign-in, or all of a user.

#include "auth.h"
#include "revoke.lua.h"
#include "revoke_all.lua.h"
#include "scripts.h"

namespace auth_plugin {

namespace {

constexpr with_drop revoke_source(revoke_lua);
constexpr with_drop revoke_all_source(revoke_all_lua);
constexpr cachecore_script revoke_script = script_of(revoke_source.source);
constexpr cachecore_script revoke_all_script = script_of(revoke_all_source.source);

}  // namespace

task<bool> auth::revoke(call &call, std::string_view token_or_handle, std::optional<std::string_view> user_id) {
  if (!server_checked_) co_await check_server(call);
  const meant what = co_await find(call, token_or_handle, true);
  if (what.what == meant::kind::nothing) co_return false;
  const std::string selector = selector_text(what.at.selector);
  const bool family = what.what == meant::kind::family;
  const std::string_view base = root(call, what.at.bucket);
  const std::string record = std::string(base).append(family ? "f:" : "t:").append(selector);
  const std::string member = (family ? "f" : "t") + selector;
  const std::string_view owner = user_id.value_or(std::string_view{});
  const value ended = co_await call.script(revoke_script, keys(record), base, member, owner).idempotent();
  co_return ended.as_int() == 1;
}

// Plain keys go first: a taking-over that read them before has a ticket from before the marker, and one that begins
// later finds nothing.
task<int64_t> auth::revoke_all(call &call, std::string_view user_id, std::optional<std::string_view> except) {
  const uint16_t bucket = bucket_of(host_, user_id);
  std::string stays;
  if (!server_checked_) co_await check_server(call);
  if (except) {
    const meant what = co_await find(call, *except, true);
    // One that is known no more, or never was, keeps nothing from being revoked.
    if (what.what != meant::kind::nothing && what.at.bucket == bucket) {
      stays = (what.what == meant::kind::family ? "f" : "t") + selector_text(what.at.selector);
    }
  }
  int64_t ended = 0;
  if (settings_.migrate_from) ended = co_await revoke_plain(call, user_id);
  std::array<uint8_t, selector_size> marker{};
  host_.random(marker);
  const std::string_view base = root(call, bucket);
  const std::string list = std::string(base).append("u:").append(user_id);
  const std::string marker_key = std::string(base).append("e:").append(user_id);
  // Longer than any ticket it has to refuse.
  const int64_t marker_ms = settings_.ticket_ttl_ms + withdrawal_ms;
  const value count =
      co_await call.script(revoke_all_script, keys(list, marker_key), base, stays, bytes_of(marker), marker_ms)
          .idempotent();
  co_return ended + count.as_int();
}

}  // namespace auth_plugin
