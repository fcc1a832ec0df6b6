// issuing.cpp: tickets, tokens and pairs, and taking back what nobody was told.

#include <charconv>

#include "auth.h"
#include "begin.lua.h"
#include "issue.lua.h"
#include "point.lua.h"
#include "scripts.h"

namespace auth_plugin {

namespace {

constexpr with_drop issue_source(issue_lua);
constexpr cachecore_script begin_script = script_of(begin_lua);
constexpr cachecore_script issue_script = script_of(issue_source.source);
constexpr cachecore_script point_script = script_of(point_lua);

constexpr size_t largest_metadata = 65'536;
constexpr size_t largest_device = 1'024;

// The payload of a ticket behind its bucket.
constexpr size_t ticket_marker_at = bucket_size + 8;
constexpr size_t ticket_user_at = ticket_marker_at + selector_size;

std::string decimal(int64_t number) { return std::to_string(number); }

}  // namespace

std::string handle_text(const token_text &text, letter kind, uint16_t bucket, std::span<const uint8_t> selector) {
  std::array<uint8_t, bucket_size + selector_size> payload{};
  put_bucket(payload, bucket);
  std::copy(selector.begin(), selector.end(), payload.begin() + bucket_size);
  return text.write(kind, payload);
}

std::string_view auth::root(call &call, uint16_t bucket) const {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::array<char, 4> hex = {digits[bucket >> 12 & 15], digits[bucket >> 8 & 15], digits[bucket >> 4 & 15],
                                   digits[bucket & 15]};
  return call.key("auth:{", std::string_view(hex.data(), hex.size()), "}:");
}

std::string_view auth::pointer_key(call &call, std::string_view selector) const {
  return call.key("auth:{", selector, "}:p");
}

std::string auth::new_token(uint16_t bucket) const {
  std::array<uint8_t, bucket_size + secret_size> payload{};
  put_bucket(payload, bucket);
  host_.random(std::span(payload).subspan(bucket_size));
  return text_.write(letter::access, payload);
}

std::string auth::new_refresh_token(uint16_t bucket, std::span<const uint8_t> family) const {
  std::array<uint8_t, bucket_size + family_size + secret_size> payload{};
  put_bucket(payload, bucket);
  std::copy(family.begin(), family.end(), payload.begin() + bucket_size);
  host_.random(std::span(payload).subspan(bucket_size + family_size));
  return text_.write(letter::refresh, payload);
}

// ---- Tickets
// ---------------------------------------------------------------------------------------------------------

std::string auth::write_ticket(std::string_view user_id, int64_t now, std::string_view marker) const {
  std::array<uint8_t, bucket_size + ticket_size> payload{};
  put_bucket(payload, bucket_of(host_, user_id));
  for (size_t i = 0; i < 8; i++) payload[bucket_size + i] = static_cast<uint8_t>(now >> (56 - 8 * i));
  std::copy_n(marker.begin(), std::min(marker.size(), selector_size), payload.begin() + ticket_marker_at);
  const auto mark = mark_of(host_, user_id);
  std::copy(mark.begin(), mark.end(), payload.begin() + ticket_user_at);
  return text_.write(letter::ticket, payload);
}

void auth::read_ticket(call &call, std::string_view ticket, sign_in &into) const {
  const auto parsed = text_.parse(ticket);
  if (!parsed.is(letter::ticket)) throw error(CACHECORE_INVALID_ARGUMENT, "ticket must be what begin answered");
  const auto mark = mark_of(host_, into.user_id);
  const std::span<const uint8_t> payload(parsed.bytes);
  if (!std::equal(mark.begin(), mark.end(), payload.begin() + ticket_user_at)) {
    throw error(CACHECORE_INVALID_ARGUMENT, "ticket must be of this user_id, it was begun for another");
  }
  int64_t time = 0;
  for (size_t i = 0; i < 8; i++)
    time = static_cast<int64_t>(static_cast<uint64_t>(time) << 8 | payload[bucket_size + i]);
  into.ticket_time = call.copy(decimal(time)).text();
  into.ticket_marker = call.copy(bytes_of(payload.subspan(ticket_marker_at, selector_size))).text();
}

task<value> auth::begin(call &call, std::string_view user_id) {
  if (!server_checked_) co_await check_server(call);
  const std::string marker = std::string(root(call, bucket_of(host_, user_id))).append("e:").append(user_id);
  const value seen = co_await call.script(begin_script, keys(marker)).read();
  co_return call.copy(write_ticket(user_id, part(seen, 0).as_int(), part(seen, 1).as_text()));
}

// ---- Issuing
// ---------------------------------------------------------------------------------------------------------

sign_in auth::prepare(call &call, std::string_view user_id, const value &metadata, const std::optional<int64_t> &ttl_ms,
                      const std::optional<std::string_view> &device, const std::optional<int64_t> &max_per_user,
                      const std::optional<std::string_view> &ticket) const {
  sign_in out{};
  out.user_id = user_id;
  out.bucket = bucket_of(host_, user_id);
  if (!metadata.is_nil()) out.metadata = call.encode_json(metadata).text();
  if (out.metadata.size() > largest_metadata) {
    throw error(CACHECORE_INVALID_ARGUMENT, "metadata must be at most " + std::to_string(largest_metadata) +
                                                " bytes as JSON, has " + std::to_string(out.metadata.size()));
  }
  out.device = device.value_or(std::string_view{});
  if (out.device.size() > largest_device) {
    throw error(CACHECORE_INVALID_ARGUMENT, "device must be at most " + std::to_string(largest_device) +
                                                " bytes, has " + std::to_string(out.device.size()));
  }
  out.ttl_ms = checked_ttl("ttl_ms", ttl_ms.value_or(settings_.ttl_ms));
  out.max_per_user = max_per_user.value_or(settings_.max_per_user);
  if (ticket) read_ticket(call, *ticket, out);
  return out;
}

void auth::refuse_issue(std::string_view outcome) const {
  if (outcome == "late") {
    throw error(CACHECORE_CONFLICT, "ticket is older than " + decimal(settings_.ticket_ttl_ms) +
                                        " ms (ticket_ttl_ms): call begin again and check the credentials again");
  }
  if (outcome == "revoked") {
    throw error(CACHECORE_CONFLICT,
                "the user's sign-ins were revoked after begin: call begin again and check the credentials again");
  }
  if (outcome == "taken") throw error(CACHECORE_CONFLICT, "token belongs to a sign-in of another user");
  throw error(CACHECORE_CONFLICT, "this call was given up before it reached the server");
}

task<value> auth::issue(call &call, std::string_view user_id, value metadata, std::optional<int64_t> ttl_ms,
                        std::optional<std::string_view> device, std::optional<int64_t> max_per_user,
                        std::optional<std::string_view> ticket, std::optional<std::string_view> token) {
  const sign_in what = prepare(call, user_id, metadata, ttl_ms, device, max_per_user, ticket);
  if (token) {
    if (!settings_.caller_tokens) {
      throw error(CACHECORE_INVALID_ARGUMENT, "token must be left out: the plugin's caller_tokens is false");
    }
    if (token->size() < shortest_callers_token || token->size() > longest_callers_token) {
      throw error(CACHECORE_INVALID_ARGUMENT, "token must be " + std::to_string(shortest_callers_token) + " to " +
                                                  std::to_string(longest_callers_token) + " bytes, has " +
                                                  std::to_string(token->size()));
    }
    if (text_.parse(*token).what != token_text::verdict::foreign) {
      throw error(CACHECORE_INVALID_ARGUMENT,
                  "token must not begin with " + settings_.token_prefix + "_, as this plugin's own do");
    }
  }
  if (!server_checked_) co_await check_server(call);
  if (token) co_return co_await issue_callers(call, what, *token);
  co_return co_await issue_own(call, what);
}

// A token that this plugin makes. Its selector is new, so the mark of its withdrawal is named by it.
task<value> auth::issue_own(call &call, sign_in what) {
  const std::string token = new_token(what.bucket);
  const secret_digest known = digest_of(host_, token);
  const std::string selector = known.selector();
  const std::string handle = handle_text(text_, letter::token_handle, what.bucket, known.selector_bytes());
  const std::string_view base = root(call, what.bucket);
  const std::string list = std::string(base).append("u:").append(what.user_id);
  const std::string marker = std::string(base).append("e:").append(what.user_id);
  const std::string withdrawn = std::string(base).append("w:").append(selector);
  const std::string record = std::string(base).append("t:").append(selector);
  const std::string member = "t" + selector;
  const value token_shown = call.copy(token);
  const value handle_shown = call.copy(handle);

  std::optional<error> failed;
  value answer;
  try {
    answer = co_await call.script(issue_script, keys(list, marker, withdrawn, record), base, what.user_id,
                                  what.ticket_time, what.ticket_marker, settings_.ticket_ttl_ms, what.max_per_user,
                                  member, what.ttl_ms, known.verifier(), what.metadata, what.device, "");
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    if (failed->status() == CACHECORE_UNCERTAIN) take_back({handle, {}, {}});
    throw error(*failed);
  }
  if (part(answer, 0).as_text() != "issued") refuse_issue(part(answer, 0).as_text());
  co_return call.map({{"token", token_shown}, {"handle", handle_shown}, {"expires_at", part(answer, 1).as_int()}});
}

// A token that the caller made. Several issues of it are told apart by a grant, so that one that is taken back does not
// end another.
task<value> auth::issue_callers(call &call, sign_in what, std::string_view token) {
  const secret_digest known = digest_of(host_, token);
  const std::string selector = known.selector();
  const std::string handle = handle_text(text_, letter::callers_handle, what.bucket, known.selector_bytes());
  std::array<uint8_t, selector_size> random{};
  host_.random(random);
  const std::string grant = selector_text(random);
  const std::string_view base = root(call, what.bucket);
  const std::string list = std::string(base).append("u:").append(what.user_id);
  const std::string marker = std::string(base).append("e:").append(what.user_id);
  const std::string withdrawn = std::string(base).append("w:").append(grant);
  const std::string record = std::string(base).append("t:").append(selector);
  const std::string member = "p" + selector;
  const value handle_shown = call.copy(handle);
  const value grant_shown = call.copy(grant);
  const value pointer = pointer_key(call, selector);
  const int64_t bucket = what.bucket;

  const value pointed = co_await call.script(point_script, keys(pointer), bucket, what.ttl_ms).idempotent();
  if (pointed.as_int() == 0) refuse_issue("taken");
  std::optional<error> failed;
  value answer;
  try {
    answer = co_await call.script(issue_script, keys(list, marker, withdrawn, record), base, what.user_id,
                                  what.ticket_time, what.ticket_marker, settings_.ticket_ttl_ms, what.max_per_user,
                                  member, what.ttl_ms, known.verifier(), what.metadata, what.device, grant);
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    if (failed->status() == CACHECORE_UNCERTAIN) take_back({handle, grant, {}});
    throw error(*failed);
  }
  if (part(answer, 0).as_text() != "issued") refuse_issue(part(answer, 0).as_text());
  co_return call.map(
      {{"token", token}, {"handle", handle_shown}, {"expires_at", part(answer, 1).as_int()}, {"grant", grant_shown}});
}

task<value> auth::issue_pair(call &call, std::string_view user_id, value metadata, std::optional<int64_t> ttl_ms,
                             std::optional<int64_t> refresh_ttl_ms, std::optional<std::string_view> device,
                             std::optional<int64_t> max_per_user, std::optional<std::string_view> ticket) {
  sign_in what = prepare(call, user_id, metadata, ttl_ms, device, max_per_user, ticket);
  what.family_ttl_ms = checked_ttl("refresh_ttl_ms", refresh_ttl_ms.value_or(settings_.refresh_ttl_ms));
  if (!server_checked_) co_await check_server(call);

  std::array<uint8_t, family_size> family{};
  host_.random(family);
  const secret_digest family_known = digest_of_family(host_, family);
  const std::string family_selector = family_known.selector();
  const std::string token = new_token(what.bucket);
  const std::string refresh = new_refresh_token(what.bucket, family);
  const secret_digest known = digest_of(host_, token);
  const secret_digest refresh_known = digest_of(host_, refresh);
  const std::string selector = known.selector();
  const std::string handle = handle_text(text_, letter::family_handle, what.bucket, family_known.selector_bytes());
  const std::string_view base = root(call, what.bucket);
  const std::string list = std::string(base).append("u:").append(what.user_id);
  const std::string marker = std::string(base).append("e:").append(what.user_id);
  const std::string withdrawn = std::string(base).append("w:").append(family_selector);
  const std::string record = std::string(base).append("t:").append(selector);
  const std::string family_key = std::string(base).append("f:").append(family_selector);
  const std::string member = "f" + family_selector;
  const value token_shown = call.copy(token);
  const value refresh_shown = call.copy(refresh);
  const value handle_shown = call.copy(handle);

  std::optional<error> failed;
  value answer;
  try {
    answer = co_await call.script(issue_script, keys(list, marker, withdrawn, record, family_key), base, what.user_id,
                                  what.ticket_time, what.ticket_marker, settings_.ticket_ttl_ms, what.max_per_user,
                                  member, what.ttl_ms, known.verifier(), what.metadata, what.device, "",
                                  what.family_ttl_ms, refresh_known.all(), selector);
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    if (failed->status() == CACHECORE_UNCERTAIN) take_back({handle, {}, {}});
    throw error(*failed);
  }
  if (part(answer, 0).as_text() != "issued") refuse_issue(part(answer, 0).as_text());
  co_return call.map({{"token", token_shown},
                      {"refresh_token", refresh_shown},
                      {"handle", handle_shown},
                      {"expires_at", part(answer, 1).as_int()},
                      {"refresh_expires_at", part(answer, 2).as_int()}});
}

}  // namespace auth_plugin
