// plugin.cpp: what callers see of auth.

#include "auth.h"

namespace auth_plugin {

auth::auth(host &host, const value &config)
    : host_(host),
      settings_(settings::from(config.pairs())),
      text_(settings_.token_prefix),
      reused_(host.counter("refresh_tokens_reused", "Refresh tokens used again after their grace: sign-ins revoked.")),
      taken_over_(host.counter("tokens_taken_over", "Tokens taken over from plain keys.")) {}

namespace {

using namespace spec;

constexpr about auth_about{.name = "auth",
                           .version = "0.1.0",
                           .license = "MIT",
                           .summary = "Tokens kept only hashed, refresh tokens that rotate, limits on attempts.",
                           .needs = {"redis/1", "json/1", "crypto/1", "timer/1"}};

constexpr auto the_user = key("user_id", "Whose they are.");
constexpr auto the_metadata =
    json("metadata", "Anything to be told by verify and list: at most 65,536 bytes as JSON.").optional();
constexpr auto the_ttl =
    duration("ttl_ms", "How long the token lives; without it, as long as the plugin's ttl_ms says.").at_least(1);
constexpr auto the_device = text("device", "A name for the list: at most 1,024 bytes.");
constexpr auto the_maximum =
    count("max_per_user",
          "How many sign-ins the user may have; those that end first make room. Without it, as "
          "the plugin's max_per_user says.")
        .at_least(1);
constexpr auto the_ticket = bytes("ticket", "What begin answered before the credentials were checked.").at_least(1);

constexpr auto auth_methods = declare(
    method<&auth::begin>("begin",
                         "Begins a sign-in, before the credentials are checked: a revoke_all that comes after it is "
                         "noticed by issue and issue_pair.",
                         "BYTES: the ticket", read_only | idempotent, the_user),
    method<&auth::issue>(
        "issue", "Makes a token, or takes one that the caller made.",
        "MAP {token, handle, expires_at}, with a token of the caller's also {grant}; CONFLICT: "
        "revoked after the ticket, the ticket is too old, or the token is another user's",
        none, the_user, the_metadata, the_ttl, the_device, the_maximum, the_ticket,
        bytes("token", "A token that the caller made: 16 to 4,096 bytes that nobody can guess.").secret())
        .undone_by<&auth::undo_issue>(),
    method<&auth::verify>("verify", "Tells whose a token is. Only an answer with OK means that it is good.",
                          "MAP {user_id, metadata, device, created_at, expires_at, pair}, or NOT_FOUND",
                          read_only | idempotent, bytes("token", "The token that was presented.").secret()),
    method<&auth::expire>("expire",
                          "Shortens the life of a token, or with a refresh token that of the whole pair; never "
                          "lengthens it.",
                          "INT: when it ends; or NOT_FOUND", idempotent,
                          bytes("token", "A token or a refresh token.").secret(),
                          duration("ttl_ms", "Ends at the latest so much later.").at_least(1)),
    method<&auth::revoke>("revoke",
                          "Ends a sign-in: a token, or a pair with all that was made of it, by any of its tokens.",
                          "BOOL: whether there was one", idempotent,
                          bytes("token_or_handle", "A token, a refresh token, or a handle that list gave.").secret(),
                          key("user_id", "Only if it is this user's: for handles that come from outside.").optional()),
    method<&auth::revoke_all>("revoke_all", "Ends all sign-ins of a user, also those that have begun and not ended.",
                              "INT: how many", idempotent, the_user,
                              bytes("except", "A token or handle of the sign-in that stays.").secret()),
    method<&auth::list>("list", "Lists the sign-ins of a user.",
                        "LIST of MAP {handle, pair, metadata, device, created_at, expires_at, rotated_at}",
                        read_only | idempotent, the_user),
    method<&auth::issue_pair>("issue_pair", "Makes a token and a refresh token for it.",
                              "MAP {token, refresh_token, handle, expires_at, refresh_expires_at}; CONFLICT as issue",
                              none, the_user, the_metadata, the_ttl,
                              duration("refresh_ttl_ms",
                                       "How long the pair lives, however often it is rotated; without it, as long as "
                                       "the plugin's refresh_ttl_ms says.")
                                  .at_least(1),
                              the_device, the_maximum, the_ticket)
        .undone_by<&auth::undo_issue>(),
    method<&auth::rotate>("rotate",
                          "Gives the successor of a refresh token, with a new token. All who come with the same one "
                          "within rotation_grace_ms get the same; later the pair is revoked.",
                          "MAP {token, refresh_token, handle, expires_at, refresh_expires_at}; NOT_FOUND; CONFLICT: it "
                          "was used again, the pair is revoked",
                          none, bytes("refresh_token", "The refresh token that was presented.").secret())
        .undone_by<&auth::undo_rotate>(),
    method<&auth::attempt>("attempt",
                           "Counts an attempt of a subject, and tells whether it is allowed: at most `limit` at once, "
                           "and as many in every window_ms.",
                           "MAP {allowed, remaining, retry_after_ms, reset_after_ms}", none,
                           key("subject", "What is limited: an account, an address, both."),
                           count("limit", "How many.").at_least(1), duration("window_ms", "In how long.").at_least(1)));

}  // namespace

}  // namespace auth_plugin

CACHECORE_PLUGIN(auth_plugin::auth, auth_plugin::auth_about, auth_plugin::auth_methods, auth_plugin::auth_config)
