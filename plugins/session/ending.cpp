// ending.cpp: logging out, here and everywhere.

#include "destroy.lua.h"
#include "destroy_all.lua.h"
#include "scripts.h"
#include "session.h"

namespace session_plugin {

namespace {

constexpr joined_script destroy_source(destroy_lua);
constexpr cachecore_script destroy_script = script_of(destroy_source);
constexpr joined_script destroy_all_source(destroy_all_lua);
constexpr cachecore_script destroy_all_script = script_of(destroy_all_source);

// Longer than a ticket holds (opening.cpp), so that a ticket which finds no mark was given after the last destroy_all.
constexpr int64_t mark_ms = 1'000'000;

}  // namespace

task<bool> session::destroy(call &call, std::string_view id_or_handle) {
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  found where;
  if (const std::optional<token> handle = read_token(id_or_handle, token_kind::handle)) {
    where.at = place_of_handle(*handle);
  } else {
    const std::optional<found> located = co_await locate(call, id_or_handle);
    if (!located) co_return false;
    where = *located;
  }
  const int64_t ended =
      (co_await call.script(destroy_script, keys(key(call, where.at)), home(call, where.at.bucket), where.at.text())
           .idempotent())
          .as_int();
  if (where.plain) co_await call.redis("UNLINK", where.plain_key).idempotent();
  co_return ended == 1;
}

task<int64_t> session::destroy_all(call &call, std::string_view user_id, std::optional<std::string_view> except) {
  check_user(user_id);
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  const uint8_t bucket = bucket_of(user_id);
  std::optional<place> spared;
  if (except) {
    if (const std::optional<token> handle = read_token(*except, token_kind::handle)) {
      spared = place_of_handle(*handle);
    } else if (const std::optional<found> located = co_await locate(call, *except)) {
      spared = located->at;
    } else if (plain_prefix_.empty()) {
      throw error(CACHECORE_INVALID_ARGUMENT, "except must be the id or the handle of a session");
    }
    // Another user's session is not among those that are ended.
    if (spared && spared->bucket != bucket) spared.reset();
  }
  std::array<uint8_t, mark_size> mark{};
  host_.random(mark);
  std::array<char, (mark_size * 4 + 2) / 3> mark_text{};
  write_base64url(mark.data(), mark.size(), mark_text.data());
  const std::string_view spared_hash = spared ? spared->text() : std::string_view();
  co_return (co_await call
                 .script(destroy_all_script, keys(index_key(call, bucket, user_id), mark_key(call, bucket, user_id)),
                         home(call, bucket), user_id, spared_hash, std::string_view(mark_text.data(), mark_text.size()),
                         mark_ms)
                 .idempotent())
      .as_int();
}

}  // namespace session_plugin
