// opening.cpp: tickets and new sessions.

#include "begin.lua.h"
#include "create.lua.h"
#include "scripts.h"
#include "session.h"

namespace session_plugin {

namespace {

constexpr joined_script begin_source(begin_lua);
constexpr cachecore_script begin_script = script_of(begin_source);
constexpr joined_script create_source(create_lua);
constexpr cachecore_script create_script = script_of(create_source);

// What create.lua answers with.
constexpr int64_t was_made = 1;
constexpr int64_t ticket_ended = 2;
constexpr int64_t was_taken_back = 3;

}  // namespace

// How long a ticket holds: longer than anybody takes to type a password. destroy_all's mark outlives it (ending.cpp).
constexpr int64_t ticket_ms = 900'000;

task<value> session::begin(call &call, std::string_view user_id) {
  check_user(user_id);
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);
  const digest user = user_digest(user_id);
  const value answer =
      co_await call.script(begin_script, keys(mark_key(call, user[0], user_id)), home(call, user[0])).read();
  ticket_parts parts;
  parts.made_at_ms = answer.items()[0].as_int();
  std::copy_n(user.begin(), parts.user.size(), parts.user.begin());
  const std::string_view mark = answer.items()[1].as_text();
  if (!mark.empty() && !read_base64url(mark, parts.mark.data(), parts.mark.size())) {
    throw error(CACHECORE_CORRUPT, "the mark of destroy_all is not what this plugin stores");
  }
  learn(user[0], parts.made_at_ms);
  const token_text text = text_of(make_ticket(user[0], parts));
  co_return call.copy({text.data(), text.size()});
}

ticket_parts session::read_ticket(std::string_view ticket, std::string_view user) const {
  const std::optional<token> read = read_token(ticket, token_kind::ticket);
  if (!read) throw error(CACHECORE_INVALID_ARGUMENT, "ticket must be one that session.begin has given");
  const ticket_parts parts = parts_of_ticket(*read);
  const digest of_user = user_digest(user);
  if (!std::equal(parts.user.begin(), parts.user.end(), of_user.begin())) {
    throw error(CACHECORE_INVALID_ARGUMENT, "ticket was given for another user_id");
  }
  return parts;
}

// Sends create.lua. `attributes` are fields and values as stored; `granted` is armed as soon as the session may exist.
task<session::opened> session::open(call &call, place at, opening how, words &attributes, grant &granted) {
  words sent = call.words(home(call, at.bucket), at.text(), how.user, how.idle_ms, how.absolute_ms, how.max_per_user);
  std::array<char, (mark_size * 4 + 2) / 3> mark{};
  if (how.ticket) {
    write_base64url(how.ticket->mark.data(), mark_size, mark.data());
    sent.add(how.ticket->made_at_ms);
    if (how.ticket->mark == std::array<uint8_t, mark_size>{}) {
      sent.add("");
    } else {
      sent.add(std::string_view(mark.data(), mark.size()));
    }
  } else {
    sent.add("", "");
  }
  sent.add(ticket_ms);
  if (how.replaced != nullptr) {
    sent.add(how.replaced->text(), how.replaced_version);
  } else {
    sent.add("", "");
  }
  for (const value &each : attributes.all()) sent.add(each);

  const value session_key = key(call, at);
  value answer;
  granted.asked();
  try {
    answer = co_await call.script_words(create_script, {&session_key, 1}, sent.all()).idempotent();
  } catch (const error &failed) {
    granted.failed(failed);
    throw;
  }
  opened made;
  switch (answer.items()[0].as_int()) {
    case was_made:
      made.now_ms = answer.items()[1].as_int();
      made.ended = answer.items()[2].as_int();
      made.created_at_ms = answer.items()[3].as_int();
      learn(at.bucket, made.now_ms);
      co_return made;
    case ticket_ended:
      granted.has();
      throw error(CACHECORE_CONFLICT,
                  "ticket does not hold any more: destroy_all has ended the user's sessions since it was given, or it "
                  "is older than 15 minutes; check the credentials again");
    case was_taken_back:
      granted.has();
      throw error(CACHECORE_UNCERTAIN, "the session was taken back, since its caller seemed to have gone");
    default:
      granted.has();
      made.outdated = true;
      co_return made;
  }
}

task<value> session::create(call &call, std::optional<std::string_view> user_id, map_view attributes,
                            std::optional<int64_t> idle_ms, std::optional<int64_t> absolute_ms,
                            std::optional<int64_t> max_per_user, std::optional<std::string_view> ticket) {
  opening how;
  how.user = user_id.value_or("");
  how.idle_ms = idle_ms.value_or(idle_ms_);
  how.absolute_ms = absolute_ms.value_or(absolute_ms_);
  how.max_per_user = max_per_user.value_or(max_per_user_);
  check_user(how.user);
  check_duration("idle_ms", how.idle_ms);
  check_duration("absolute_ms", how.absolute_ms);
  if (ticket && how.user.empty()) throw error(CACHECORE_INVALID_ARGUMENT, "ticket is for a session with a user_id");
  if (ticket) how.ticket = read_ticket(*ticket, how.user);
  words fields = call.words();
  for (const entry &each : attributes) add_attribute(call, fields, each, "attributes");
  if (!admitted_.load(std::memory_order_relaxed)) co_await check_server(call);

  const token id = make_id(crypto(), bucket_of(how.user));
  const place at = place_of_id(crypto(), id);
  grant granted(*this, at);
  const opened made = co_await open(call, at, how, fields, granted);
  const token_text text = text_of(id);
  const token_text handle = handle_of(at);
  const int64_t ends_at_ms = made.created_at_ms + how.absolute_ms;
  const value answer = call.map({{"id", call.copy({text.data(), text.size()})},
                                 {"handle", call.copy({handle.data(), handle.size()})},
                                 {"user_id", user_id ? call.copy(how.user) : value()},
                                 {"version", 1},
                                 {"created_at_ms", made.created_at_ms},
                                 {"expires_at_ms", std::min(made.created_at_ms + how.idle_ms, ends_at_ms)},
                                 {"ends_at_ms", ends_at_ms},
                                 {"ended", made.ended}});
  granted.has();
  co_return answer;
}

}  // namespace session_plugin
