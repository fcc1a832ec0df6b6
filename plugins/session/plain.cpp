// plain.cpp: sessions that another system keeps in plain keys ("session:" and the id): taken over at their first touch.
//
// The attributes are copied into a session of this plugin, whose id nobody knows; the plain key then only says where
// that is, for as long as it is used. So the ids that browsers hold stay good, until regenerate gives a better one.

#include <string>

#include "plain.lua.h"
#include "session.h"

namespace session_plugin {

namespace {

constexpr cachecore_script plain_script{sizeof(cachecore_script), plain_lua, sizeof(plain_lua) - 1};

constexpr size_t longest_plain_id = 128;
constexpr int most_attempts = 16;

// The texts of a plain key that leads on: bucket as two hexadecimal digits, and the hash.
std::optional<place> read_lead(std::string_view text) {
  if (text.size() != 2 + hash_text_size) return std::nullopt;
  unsigned bucket = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + 2, bucket, 16);
  if (fault != std::errc{} || end != text.data() + 2) return std::nullopt;
  return place_in(static_cast<uint8_t>(bucket), text.substr(2));
}

value write_lead(call &call, const place &at) {
  constexpr char digits[] = "0123456789abcdef";
  const std::array<char, 2> bucket = {digits[at.bucket >> 4], digits[at.bucket & 15]};
  char *text = call.allocate_array<char>(2 + hash_text_size + 1);
  std::copy(bucket.begin(), bucket.end(), text);
  std::copy(at.hash.begin(), at.hash.end(), text + 2);
  text[2 + hash_text_size] = '\0';
  return std::string_view(text, 2 + hash_text_size);
}

// Its attributes as a MAP.
value read_content(call &call, std::string_view kind, const value &content) {
  if (kind == "hash") return content.paired();
  value decoded;
  if (kind == "text") {
    try {
      decoded = call.decode_json(content.as_text());
    } catch (const error &) {
      decoded = {};
    }
  }
  if (!decoded.is(CACHECORE_MAP)) {
    throw error(CACHECORE_CORRUPT,
                "what migrate_from names holds neither a hash nor a JSON object for this id, so it is not taken over");
  }
  return decoded;
}

std::string_view user_in(call &call, const value &attributes, std::string_view field) {
  const value user = attributes.pairs()[field];
  if (user.is(CACHECORE_INT)) return call.copy(std::to_string(user.as.integer)).text();
  return user.is(CACHECORE_BYTES) ? user.text() : std::string_view();
}

}  // namespace

std::optional<std::string_view> session::plain_key_of(call &call, std::string_view id) const {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~=+/";
  if (plain_prefix_.empty() || id.empty() || id.size() > longest_plain_id ||
      id.find_first_not_of(allowed) != std::string_view::npos) {
    return std::nullopt;
  }
  char *name = call.allocate_array<char>(plain_prefix_.size() + id.size() + 1);
  char *end = std::copy(plain_prefix_.begin(), plain_prefix_.end(), name);
  end = std::copy(id.begin(), id.end(), end);
  *end = '\0';
  return std::string_view(name, plain_prefix_.size() + id.size());
}

// Reads, makes a session of it, and writes into the plain key where that is, if the key still holds what was read. What
// was made in vain is taken back.
task<std::optional<place>> session::take_over(call &call, std::string_view plain_key) {
  value content = co_await call.script(plain_script, keys(plain_key), "", "", 0).read();
  for (int attempt = 0; attempt < most_attempts; attempt++) {
    const std::string_view kind = content.items()[0].as_text();
    if (kind == "none") co_return std::nullopt;
    if (kind == "moved") {
      const std::optional<place> at = read_lead(content.items()[1].as_text());
      if (!at) throw error(CACHECORE_CORRUPT, "a plain key leads to what is no session");
      co_return at;
    }
    const std::string_view digest_text = kind == "other" ? std::string_view() : content.items()[1].as_text();
    const value attributes = read_content(call, kind, kind == "other" ? value() : content.items()[2]);
    opening how;
    how.user = user_in(call, attributes, plain_user_);
    check_user(how.user);
    how.idle_ms = idle_ms_;
    how.absolute_ms = absolute_ms_;
    words fields = call.words();
    for (const entry &each : attributes.pairs()) {
      if (!each.value.is_nil()) add_attribute(call, fields, each, "what migrate_from names");
    }
    const place at = place_of_id(crypto(), make_id(crypto(), bucket_of(how.user)));
    grant granted(*this, at);
    (void)co_await open(call, at, how, fields, granted);
    // From here on it may be known, by the plain key.
    granted.has();
    const value lead = write_lead(call, at);
    content = co_await call.script(plain_script, keys(plain_key), digest_text, lead, idle_ms_).idempotent();
    const std::string_view outcome = content.items()[0].as_text();
    if (outcome == "taken" || (outcome == "moved" && content.items()[1].as_text() == lead.text())) {
      taken_over_.add();
      co_return at;
    }
    take_back_later(at);
  }
  throw error(CACHECORE_CONFLICT, "the session was changed by others each time; try again");
}

}  // namespace session_plugin
