// reading.cpp: the session of an id.

#include "scripts.h"
#include "session.h"
#include "touch.lua.h"

namespace session_plugin {

namespace {

constexpr joined_script touch_source(touch_lua);
constexpr cachecore_script touch_script = script_of(touch_source);

// How often an id may have been replaced within the grace.
constexpr int most_forwards = 16;

}  // namespace

// Where to look for the session of a presented id; nothing for what can be none.
task<std::optional<session::found>> session::locate(call &call, std::string_view id) {
  found where;
  if (const std::optional<token> read = read_token(id, token_kind::id)) {
    where.at = place_of_id(crypto(), *read);
    co_return where;
  }
  const std::optional<std::string_view> plain_key = plain_key_of(call, id);
  if (!plain_key) co_return std::nullopt;
  const std::optional<place> taken = co_await take_over(call, *plain_key);
  if (!taken) co_return std::nullopt;
  where.at = *taken;
  where.plain = true;
  where.plain_key = *plain_key;
  co_return where;
}

task<std::optional<session::looked>> session::look(call &call, std::string_view id, found where) {
  looked there{where.at, {}, id, 0};
  std::optional<token> known = where.plain ? std::nullopt : read_token(id, token_kind::id);
  for (int step = 0; step < most_forwards; step++) {
    const std::string_view name = key(call, there.at);
    const std::optional<int64_t> now_ms = clock_.now_ms(there.at.bucket, host_.now_ms());
    if (now_ms) {
      const value fields = co_await call.redis("HGETALL", name);
      there.seen = record::read(fields.paired().pairs());
      there.now_ms = *now_ms;
    } else {
      // Together with what tells the server's time: how long until an expiry whose time is known.
      auto both = call.transaction();
      both.add("HGETALL", name).add("PTTL", name).read();
      const value answers = co_await both;
      there.seen = record::read(answers.items()[0].or_throw().paired().pairs());
      const int64_t left_ms = answers.items()[1].or_throw().as_int();
      there.now_ms = there.seen.expires_at_ms() - left_ms;
      if (there.seen.lives() && left_ms > 0) learn(there.at.bucket, there.now_ms);
    }
    if (there.seen.lives()) co_return there;
    if (there.seen.moved_to.empty()) co_return std::nullopt;

    // The id was replaced. Who holds the old one may know the new one.
    if (known) known = unseal(*known, there.seen.successor);
    if (known) {
      const token_text text = text_of(*known);
      there.id = call.copy({text.data(), text.size()});
      there.at = place_of_id(crypto(), *known);
      continue;
    }
    const std::optional<place> next = place_in(there.at.bucket, there.seen.moved_to);
    if (!next) throw error(CACHECORE_CORRUPT, "an old id leads to what is no session");
    there.at = *next;
  }
  co_return std::nullopt;
}

// By the id that was presented, so that the script finds the session wherever it is by then. Nothing when it has ended.
task<std::optional<int64_t>> session::touch(call &call, found where) {
  const value answer =
      co_await call.script(touch_script, keys(key(call, where.at)), home(call, where.at.bucket), where.at.text())
          .idempotent();
  if (answer.is_nil()) co_return std::nullopt;
  const int64_t now_ms = answer.items()[0].as_int();
  const int64_t left_ms = answer.items()[1].as_int() - now_ms;
  learn(where.at.bucket, now_ms);
  // Another system's key leads here for as long as the session is used by it.
  if (where.plain) co_await call.redis("PEXPIRE", where.plain_key, std::max<int64_t>(left_ms, 1)).idempotent();
  co_return left_ms;
}

task<value> session::get(call &call, std::string_view id) {
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  found where;
  if (const std::optional<token> read = read_token(id, token_kind::id)) {
    where.at = place_of_id(crypto(), *read);
  } else {
    const std::optional<found> located = co_await locate(call, id);
    if (!located) co_return not_found;
    where = *located;
  }
  const std::optional<looked> there = co_await look(call, id, where);
  if (!there) co_return not_found;
  const record &seen = there->seen;
  if (there->now_ms - seen.seen_at_ms >= seen.unwritten_ms() && seen.expires_at_ms() < seen.ends_at_ms) {
    try {
      co_await touch(call, where);
    } catch (const error &failed) {
      // The session was read, and that is what was asked for; the next use is written instead.
      if (call.given_up() != CACHECORE_OK) throw;
      host_.log(severity::warning, std::string("the use of a session was not written: ") + failed.what());
    }
  }
  co_return seen.show(call, there->id, there->at);
}

task<int64_t> session::refresh(call &call, std::string_view id) {
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  const std::optional<found> where = co_await locate(call, id);
  if (!where) co_return not_found;
  const std::optional<int64_t> left_ms = co_await touch(call, *where);
  if (!left_ms) co_return not_found;
  co_return *left_ms;
}

}  // namespace session_plugin
