// renewing.cpp: a new id for a session: from time to time, and at every login.
//
// Without `user_id` the id rotates: the session is the same, and the old id follows for the grace. With it the caller
// says that somebody has just proved who they are: a new session takes over the attributes, and the old id, which
// others may have planted or seen, ends at once.

#include <string>

#include "replace.lua.h"
#include "rotate.lua.h"
#include "scripts.h"
#include "session.h"

namespace session_plugin {

namespace {

constexpr joined_script rotate_source(rotate_lua);
constexpr cachecore_script rotate_script = script_of(rotate_source);
constexpr joined_script replace_source(replace_lua);
constexpr cachecore_script replace_script = script_of(replace_source);

constexpr size_t sealed_size = 12 + token_size + 16;

// What rotate.lua answers with.
constexpr int64_t was_rotated = 1;
constexpr int64_t has_successor = 2;

// What replace.lua answers with.
constexpr int64_t had_ended = 0;
constexpr int64_t was_replaced = 1;

constexpr int most_attempts = 16;

}  // namespace

std::array<uint8_t, 32> session::sealing_key(const token &id) const {
  constexpr std::string_view purpose = "cachecore session successor";
  std::array<uint8_t, 32> sealing;
  if (crypto().hmac_sha256(id.data(), id.size(), purpose.data(), purpose.size(), sealing.data()) != CACHECORE_OK) {
    throw error(CACHECORE_INTERNAL, "HMAC-SHA-256 failed");
  }
  return sealing;
}

std::optional<token> session::unseal(const token &id, std::string_view successor) const {
  if (successor.size() != sealed_size) return std::nullopt;
  token successor_id;
  const auto sealing = sealing_key(id);
  if (crypto().open(sealing.data(), nullptr, 0, successor.data(), successor.size(), successor_id.data()) !=
      CACHECORE_OK) {
    throw error(CACHECORE_CORRUPT, "the successor of an old id is not what this plugin stores");
  }
  return successor_id;
}

task<value> session::regenerate(call &call, std::string_view id, std::optional<std::string_view> user_id,
                                std::optional<std::string_view> ticket) {
  if (ticket && !user_id) throw error(CACHECORE_INVALID_ARGUMENT, "ticket is for a login: user_id must be given, too");
  std::optional<ticket_parts> parts;
  if (user_id) check_user(*user_id);
  if (ticket) parts = read_ticket(*ticket, *user_id);
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  const std::optional<found> where = co_await locate(call, id);
  if (!where) co_return not_found;
  if (user_id) co_return co_await log_in(call, id, *where, *user_id, parts);
  co_return co_await rotate(call, id, *where);
}

task<value> session::rotate(call &call, std::string_view id, found where) {
  const token made = make_id(crypto(), where.at.bucket);
  const place at = place_of_id(crypto(), made);
  // An id of another system stands in the name of its key, so nothing is sealed with it.
  std::array<uint8_t, sealed_size> sealed{};
  std::string_view successor;
  const std::optional<token> presented = where.plain ? std::nullopt : read_token(id, token_kind::id);
  if (presented) {
    const auto sealing = sealing_key(*presented);
    if (crypto().seal(sealing.data(), nullptr, 0, made.data(), made.size(), sealed.data()) != CACHECORE_OK) {
      throw error(CACHECORE_INTERNAL, "AES-256-GCM failed");
    }
    successor = {reinterpret_cast<const char *>(sealed.data()), sealed.size()};
  }

  grant granted(*this, at);
  granted.asked();
  value answer;
  try {
    answer = co_await call
                 .script(rotate_script, keys(key(call, where.at), key(call, at)), home(call, where.at.bucket),
                         where.at.text(), at.text(), successor, grace_ms_)
                 .idempotent();
  } catch (const error &failed) {
    granted.failed(failed);
    throw;
  }
  const int64_t outcome = answer.items()[0].as_int();
  if (outcome == has_successor) {
    granted.has();
    const std::optional<looked> there = co_await look(call, id, where);
    if (!there) co_return not_found;
    co_return there->seen.show(call, there->id, there->at);
  }
  if (outcome != was_rotated) {
    granted.has();
    co_return not_found;
  }
  if (where.plain) {
    co_await call.redis("PEXPIRE", where.plain_key, std::max<int64_t>(grace_ms_, 1)).idempotent();
  }
  learn(at.bucket, answer.items()[1].as_int());
  const token_text text = text_of(made);
  const value shown =
      record::read(answer.items()[2].paired().pairs()).show(call, call.copy({text.data(), text.size()}), at);
  granted.has();
  co_return shown;
}

// In one slot, create.lua puts the new session in the old one's place. Else the new one is made first, from what the
// old one was when it was read, and handed over only once the old one has ended in that version.
task<value> session::log_in(call &call, std::string_view id, found where, std::string_view user,
                            std::optional<ticket_parts> ticket) {
  for (int attempt = 0; attempt < most_attempts; attempt++) {
    const std::optional<looked> old = co_await look(call, id, where);
    if (!old) co_return not_found;
    words attributes = call.words();
    for (const auto &[field, held] : old->seen.fields) {
      if (field.text().starts_with(attribute_mark)) attributes.add(field, held);
    }
    opening how;
    how.user = user;
    how.idle_ms = old->seen.idle_ms;
    how.absolute_ms = old->seen.ends_at_ms - old->seen.created_at_ms;
    how.max_per_user = max_per_user_;
    how.ticket = ticket;
    const token made = make_id(crypto(), bucket_of(user));
    const place at = place_of_id(crypto(), made);
    const bool in_one_slot = at.bucket == old->at.bucket;
    if (in_one_slot) {
      how.replaced = &old->at;
      how.replaced_version = old->seen.version;
    }

    grant granted(*this, at);
    const opened done = co_await open(call, at, how, attributes, granted);
    if (done.outdated) continue;
    if (!in_one_slot) {
      const int64_t outcome = (co_await call
                                   .script(replace_script, keys(key(call, old->at)), home(call, old->at.bucket),
                                           old->at.text(), old->seen.version)
                                   .idempotent())
                                  .as_int();
      if (outcome == had_ended) co_return not_found;
      if (outcome != was_replaced) continue;
    }
    if (where.plain) co_await call.redis("UNLINK", where.plain_key).idempotent();
    record shown = old->seen;
    shown.user = call.copy(user).text();
    shown.version = 1;
    shown.created_at_ms = shown.seen_at_ms = done.created_at_ms;
    shown.ends_at_ms = done.created_at_ms + how.absolute_ms;
    const token_text text = text_of(made);
    const value answer = shown.show(call, call.copy({text.data(), text.size()}), at);
    granted.has();
    co_return answer;
  }
  throw error(CACHECORE_CONFLICT, "the session was changed by others each time; try again");
}

}  // namespace session_plugin
