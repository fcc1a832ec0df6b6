// rotation.cpp: a refresh token is good for one successor.
//
// The successor is made here, before it is known whether this call is the first. It travels sealed with a key that is
// derived from the token presented, so those who come second, and have that token too, read it from Redis, where it
// means nothing to anybody else.

#include "auth.h"
#include "rotate.lua.h"
#include "scripts.h"

namespace auth_plugin {

namespace {

constexpr with_drop rotate_source(rotate_lua);
constexpr cachecore_script rotate_script = script_of(rotate_source.source);

}  // namespace

task<value> auth::rotate(call &call, std::string_view refresh_token) {
  const auto parsed = text_.parse(refresh_token);
  if (!parsed.is(letter::refresh)) co_return not_found;
  if (!server_checked_) co_await check_server(call);
  const uint16_t bucket = parsed.bucket();
  const auto family = parsed.payload().subspan(bucket_size, family_size);
  const secret_digest family_known = digest_of_family(host_, family);
  const std::string family_selector = family_known.selector();
  const secret_digest presented = digest_of(host_, refresh_token);
  const std::string token = new_token(bucket);
  const std::string refresh = new_refresh_token(bucket, family);
  const secret_digest known = digest_of(host_, token);
  const secret_digest refresh_known = digest_of(host_, refresh);
  const std::string selector = known.selector();
  const std::string sealed =
      seal(host_, refresh_token, family_selector, std::string(token).append(" ").append(refresh));
  const std::string_view base = root(call, bucket);
  const std::string family_key = std::string(base).append("f:").append(family_selector);
  const std::string withdrawn = std::string(base).append("w:").append(refresh_known.selector());
  const std::string record = std::string(base).append("t:").append(selector);
  const value handle = call.copy(handle_text(text_, letter::family_handle, bucket, family_known.selector_bytes()));
  value token_shown = call.copy(token);
  value refresh_shown = call.copy(refresh);

  std::optional<error> failed;
  value answer;
  try {
    answer =
        co_await call.script(rotate_script, keys(family_key, withdrawn, record), base, family_selector, presented.all(),
                             refresh_known.all(), sealed, selector, known.verifier(), settings_.rotation_grace_ms);
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    if (failed->status() == CACHECORE_UNCERTAIN) take_back({{}, {}, refresh});
    throw error(*failed);
  }
  const std::string_view outcome = part(answer, 0).as_text();
  if (outcome == "gone") co_return not_found;
  if (outcome == "reused") {
    reused_.add();
    host_.log(severity::warning, "a refresh token was used again after its grace: its sign-in was revoked");
    throw error(CACHECORE_CONFLICT,
                "refresh_token was rotated before and came again: its sign-in is revoked, sign in anew");
  }
  if (outcome == "withdrawn") throw error(CACHECORE_CONFLICT, "this call was given up before it reached the server");
  if (outcome == "joined") {
    const std::string successor = unseal(host_, refresh_token, family_selector, part(answer, 3).as_text());
    const size_t parted = successor.find(' ');
    if (parted == std::string::npos) throw error(CACHECORE_CORRUPT, "the stored successor has no two parts");
    token_shown = call.copy(std::string_view(successor).substr(0, parted));
    refresh_shown = call.copy(std::string_view(successor).substr(parted + 1));
  }
  co_return call.map({{"token", token_shown},
                      {"refresh_token", refresh_shown},
                      {"handle", handle},
                      {"expires_at", part(answer, 1).as_int()},
                      {"refresh_expires_at", part(answer, 2).as_int()}});
}

}  // namespace auth_plugin
