// verification.cpp: what a text stands for, whether it is good, and how long.

#include "auth.h"
#include "expire.lua.h"
#include "scripts.h"

namespace auth_plugin {

namespace {

constexpr with_drop expire_source(expire_lua);
constexpr cachecore_script expire_script = script_of(expire_source.source);

// A warning of this kind is written once in this time, so that an outage does not fill the log.
constexpr int64_t warning_pause_ms = 1'000;

bool says_nothing_of_redis(cachecore_status status) noexcept {
  return status == CACHECORE_CANCELLED || status == CACHECORE_CLOSED || status == CACHECORE_INVALID_STATE;
}

}  // namespace

// One read, whatever comes of it. A record that another token's selector would find does not carry this one's verifier.
// Whatever goes wrong ends in an error or NOT_FOUND: only a record that was read and compared is an answer.
task<value> auth::verify(call &call, std::string_view token) {
  const auto parsed = text_.parse(token);
  const bool foreign = parsed.what == token_text::verdict::foreign;
  if (foreign ? !may_be_callers(token) : !parsed.is(letter::access)) co_return not_found;
  std::optional<error> failed;
  try {
    if (!server_checked_) co_await check_server(call);
    const secret_digest known = digest_of(host_, token);
    const std::string selector = known.selector();
    for (bool looked_elsewhere = !foreign || !settings_.migrate_from;; looked_elsewhere = true) {
      int64_t bucket = parsed.bucket();
      if (foreign) bucket = co_await pointed_bucket(call, selector);
      if (bucket >= 0) {
        const std::string_view base = root(call, static_cast<uint16_t>(bucket));
        const std::string record = std::string(base).append("t:").append(selector);
        const value read = co_await call.redis("HMGET", record, "v", "u", "m", "d", "c", "e", "f");
        if (is_right(part(read, 0), known)) co_return describe(call, read);
      }
      if (looked_elsewhere) co_return not_found;
      // Whether this call takes it over or another does at this moment: afterwards its record is there.
      co_await take_over(call, token);
    }
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (!says_nothing_of_redis(failed->status())) warn_unreadable(*failed);
  throw error(*failed);
}

bool auth::is_right(const value &verifier, const secret_digest &known) const {
  const std::string_view expected = known.verifier();
  return verifier.is(CACHECORE_BYTES) && verifier.text().size() == expected.size() &&
         host_.services().crypto->equal(verifier.text().data(), expected.data(), expected.size()) == 1;
}

// What verify answers for a record.
value auth::describe(call &call, const value &read) {
  value metadata;
  if (!part(read, 2).is_nil()) metadata = call.decode_json(part(read, 2).as_text());
  return call.map({{"user_id", part(read, 1)},
                   {"metadata", metadata},
                   {"device", part(read, 3)},
                   {"created_at", part(read, 4).parsed_int()},
                   {"expires_at", part(read, 5).parsed_int()},
                   {"pair", !part(read, 6).is_nil()}});
}

void auth::warn_unreadable(const error &failed) {
  const int64_t now = host_.now_ms();
  int64_t last = warned_at_ms_.load(std::memory_order_relaxed);
  if (last != 0 && now - last < warning_pause_ms) return;
  if (!warned_at_ms_.compare_exchange_strong(last, now, std::memory_order_relaxed)) return;
  host_.log(severity::warning,
            "verify cannot read from Redis, so tokens are refused: " + std::string(failed.message()));
}

// By its size: earlier applications had shorter ones, too.
bool auth::may_be_callers(std::string_view token) const {
  return settings_.caller_tokens && token.size() <= longest_callers_token &&
         (token.size() >= shortest_callers_token || (settings_.migrate_from && !token.empty()));
}

// The text of a token that its caller made does not say where its record lies; its pointer does. The pointer is found
// by the digest alone and decides nothing: the record is compared. -1: there is none.
task<int64_t> auth::pointed_bucket(call &call, std::string_view selector) {
  const value pointer = pointer_key(call, selector);
  const value bucket = co_await call.redis("GET", pointer);
  if (bucket.is_nil()) co_return -1;
  co_return bucket.parsed_int() & 0xFFFF;
}

task<auth::meant> auth::find(call &call, std::string_view text, bool handles) {
  using kind = meant::kind;
  const auto parsed = text_.parse(text);
  meant out;
  out.at.bucket = parsed.bucket();
  if (parsed.what == token_text::verdict::foreign) {
    if (!may_be_callers(text)) co_return out;
    const secret_digest known = digest_of(host_, text);
    const std::string selector = known.selector();
    if (settings_.migrate_from) co_await take_over(call, text);
    const int64_t bucket = co_await pointed_bucket(call, selector);
    if (bucket < 0) co_return out;
    out.what = kind::token;
    out.at.bucket = static_cast<uint16_t>(bucket);
    std::copy_n(known.whole.begin(), selector_size, out.at.selector.begin());
    co_return out;
  }
  if (parsed.is(letter::access)) {
    const secret_digest known = digest_of(host_, text);
    out.what = kind::token;
    std::copy_n(known.whole.begin(), selector_size, out.at.selector.begin());
  } else if (parsed.is(letter::refresh)) {
    const secret_digest known = digest_of_family(host_, parsed.payload().subspan(bucket_size, family_size));
    out.what = kind::family;
    std::copy_n(known.whole.begin(), selector_size, out.at.selector.begin());
  } else if (handles && (parsed.is(letter::token_handle) || parsed.is(letter::callers_handle) ||
                         parsed.is(letter::family_handle))) {
    out.what = parsed.kind == letter::family_handle ? kind::family : kind::token;
    const auto selector = parsed.payload().subspan(bucket_size);
    std::copy(selector.begin(), selector.end(), out.at.selector.begin());
  }
  co_return out;
}

task<int64_t> auth::expire(call &call, std::string_view token, int64_t ttl_ms) {
  (void)checked_ttl("ttl_ms", ttl_ms);
  if (!server_checked_) co_await check_server(call);
  const meant what = co_await find(call, token, false);
  if (what.what == meant::kind::nothing) co_return not_found;
  const std::string selector = selector_text(what.at.selector);
  const bool family = what.what == meant::kind::family;
  const std::string_view base = root(call, what.at.bucket);
  const std::string record = std::string(base).append(family ? "f:" : "t:").append(selector);
  const std::string member = (family ? "f" : "t") + selector;
  const value expires = co_await call.script(expire_script, keys(record), base, member, ttl_ms);
  if (expires.is_nil()) co_return not_found;
  co_return expires.as_int();
}

}  // namespace auth_plugin
