// plugin.cpp: what callers see of session.

#include "session.h"

namespace session_plugin {

session::session(host &host, const value &config)
    : host_(host),
      idle_ms_(config.pairs()["idle_ms"].as_int()),
      absolute_ms_(config.pairs()["absolute_ms"].as_int()),
      max_per_user_(config.pairs()["max_per_user"].as_int()),
      grace_ms_(config.pairs()["grace_ms"].as_int()),
      plain_prefix_(config.pairs()["migrate_from"].is_nil() ? std::string_view()
                                                            : config.pairs()["migrate_from"].as_text()),
      plain_user_(config.pairs()["migrate_user"].as_text()),
      admitted_(config.pairs()["allow_eviction"].as_bool()),
      taken_back_(host.counter("taken_back", "Sessions whose caller had gone before it heard of them.")),
      taken_over_(host.counter("taken_over", "Sessions taken over from the keys that migrate_from names.")) {
  check_duration("idle_ms", idle_ms_);
  check_duration("absolute_ms", absolute_ms_);
  check_duration("grace_ms", grace_ms_);
}

namespace {

using namespace spec;

constexpr about session_about{
    .name = "session",
    .version = "0.1.0",
    .license = "MIT",
    .summary = "Sessions: made, read, changed, renewed and ended, for one user or everywhere.",
    .needs = {"redis/1", "timer/1", "call/1", "json/1", "crypto/1"}};

constexpr auto the_id = bytes("id", "The session's id, as create or regenerate gave it.").secret();
constexpr auto the_user = key("user_id", "Who it is, as the application names its users: at most 512 bytes.");
constexpr auto the_ticket =
    text("ticket",
         "What begin gave before the credentials were checked: CONFLICT when destroy_all was called since then, or "
         "after 15 minutes.")
        .secret();

constexpr const char *a_session =
    "MAP {id, handle, user_id: BYTES or NIL, attributes: MAP, version, created_at_ms, seen_at_ms, expires_at_ms, "
    "ends_at_ms}, or NOT_FOUND";

constexpr auto session_methods = declare(
    method<&session::create>(
        "create", "Makes a session. Its id is for its holder alone: it is not stored, and no method tells it again.",
        "MAP {id, handle, user_id, version, created_at_ms, expires_at_ms, ends_at_ms, ended: how many others, for "
        "max_per_user}; CONFLICT: the ticket does not hold any more",
        none, key("user_id", "Whose; absent: of somebody who is not logged in."),
        any("attributes", "Names and values: text, numbers, lists, maps.").optional(),
        duration("idle_ms", "It ends when it is not used for so long; by default as configured.").at_least(1),
        duration("absolute_ms", "It ends after so long, however much it is used; by default as configured.")
            .at_least(1),
        count(
            "max_per_user",
            "So many sessions of the user at most: those that would expire first are ended. 0: any number; by default "
            "as configured.")
            .at_least(0),
        the_ticket)
        .undone_by<&session::undo>(),
    method<&session::get>(
        "get",
        "Reads a session, and notes that it is used. `id` of the answer is the one to use from now on: another than "
        "was given when that was replaced.",
        a_session, idempotent, the_id),
    method<&session::update>(
        "update",
        "Changes attributes of a session that lives; the others stay as they are. It never makes one that has ended.",
        "INT: the new version; NOT_FOUND; CONFLICT: it has another version", none, the_id,
        any("changes", "Names and new values; NIL removes.").kinds(a_map),
        count("version", "Only if the session has this version; absent: whichever it has.").at_least(1)),
    method<&session::refresh>("refresh", "Notes that a session is used: its idle time begins anew.",
                              "INT: in how many ms it expires, unless it is used; or NOT_FOUND", idempotent, the_id),
    method<&session::regenerate>(
        "regenerate",
        "Gives a session a new id. With user_id somebody has logged in: the old id ends at once. Without, the session "
        "goes on, and if it has a user the old id follows for the grace (10 s).",
        "MAP as of get, with the new id; NOT_FOUND; CONFLICT: the ticket does not hold any more", none, the_id,
        key("user_id", "Who has logged in: at most 512 bytes."), the_ticket)
        .undone_by<&session::undo>(),
    method<&session::destroy>("destroy", "Ends a session.", "BOOL: whether there was one", idempotent,
                              bytes("id_or_handle", "Its id, or a handle of list.").secret()),
    method<&session::list>("list", "Lists the sessions of a user, those that would expire last first.",
                           "LIST of MAPs as of get; `id` is NIL", read_only | idempotent, the_user),
    method<&session::destroy_all>(
        "destroy_all", "Ends all sessions of a user, and all tickets, at once.", "INT: how many sessions", idempotent,
        the_user, bytes("except", "The id or handle of a session that goes on.").secret().kinds(some_bytes)),
    method<&session::count>("count", "Counts the sessions of a user.", "INT", read_only | idempotent, the_user),
    method<&session::begin>(
        "begin",
        "A ticket for a login, to be taken before the credentials are checked: so no session is made with credentials "
        "that were revoked while they were checked.",
        "BYTES: the ticket; it holds for 15 minutes", read_only | idempotent, the_user));

constexpr auto session_config = fields(
    duration("idle_ms", "A session ends when it is not used for so long.")
        .kinds(an_int)
        .at_least(1)
        .by_default(1'800'000),
    duration("absolute_ms", "A session ends after so long, however much it is used.")
        .kinds(an_int)
        .at_least(1)
        .by_default(43'200'000),
    count("max_per_user", "So many sessions of a user at most; 0: any number.").kinds(an_int).at_least(0).by_default(0),
    duration("grace_ms", "How long an id that was replaced follows to the new one; 0: it ends at once.")
        .kinds(an_int)
        .at_least(0)
        .by_default(10'000),
    any("allow_eviction", "Works also on a server that evicts keys, where sessions may vanish.")
        .kinds(a_bool)
        .by_default(false),
    text("migrate_from",
         "The beginning of the keys of another system's sessions, as they are in Redis (\"session:\"): they are taken "
         "over at their first touch.")
        .kinds(some_bytes)
        .optional(),
    text("migrate_user", "In which field or attribute those name their user.").kinds(some_bytes).by_default("user_id"));

}  // namespace

}  // namespace session_plugin

CACHECORE_PLUGIN(session_plugin::session, session_plugin::session_about, session_plugin::session_methods,
                 session_plugin::session_config)
