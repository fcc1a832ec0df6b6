#include "settings.h"

#include <charconv>
#include <cstdlib>

namespace auth_plugin {

namespace {

constexpr int64_t minute_ms = 60'000;
constexpr int64_t longest_ttl_ms = 100LL * 366 * 24 * 60 * minute_ms;
constexpr int64_t standard_ttl_ms = 30 * minute_ms;
constexpr const char *ttl_variable = "ACCESS_TOKEN_EXPIRE_MINUTES";

int64_t ttl_of_environment() {
  const char *const text = secure_getenv(ttl_variable);
  if (text == nullptr || *text == '\0') return standard_ttl_ms;
  const std::string_view digits(text);
  int64_t minutes = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), minutes);
  if (fault != std::errc{} || end != digits.data() + digits.size() || minutes < 1 ||
      minutes > longest_ttl_ms / minute_ms) {
    throw error(CACHECORE_INVALID_ARGUMENT, std::string(ttl_variable) +
                                                " in the environment must be a whole number of minutes > 0 and at "
                                                "most 100 years, got \"" +
                                                std::string(digits.substr(0, 32)) + "\"");
  }
  return minutes * minute_ms;
}

std::string checked_prefix(std::string_view prefix) {
  const bool plain = prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
  if (prefix.empty() || prefix.size() > 16 || !plain) {
    throw error(CACHECORE_INVALID_ARGUMENT, "token_prefix must be 1 to 16 of a-z and 0-9");
  }
  return std::string(prefix);
}

// A field of an option map that may come with or without its default filled in.
std::string text_or(map_view fields, const char *name, const char *standard) {
  const value given = fields[name];
  return std::string(given.is_nil() ? std::string_view(standard) : given.as_text());
}

}  // namespace

int64_t checked_ttl(const char *name, int64_t ttl_ms) {
  if (ttl_ms > longest_ttl_ms) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                std::string(name) + " must be at most 100 years in milliseconds, got " + std::to_string(ttl_ms));
  }
  return ttl_ms;
}

settings settings::from(map_view config) {
  const value ttl = config["ttl_ms"];
  settings out{
      .ttl_ms = ttl.is_nil() ? ttl_of_environment() : checked_ttl("ttl_ms", ttl.as_int()),
      .refresh_ttl_ms = checked_ttl("refresh_ttl_ms", config["refresh_ttl_ms"].as_int()),
      .rotation_grace_ms = checked_ttl("rotation_grace_ms", config["rotation_grace_ms"].as_int()),
      .ticket_ttl_ms = checked_ttl("ticket_ttl_ms", config["ticket_ttl_ms"].as_int()),
      .max_per_user = config["max_per_user"].as_int(),
      .token_prefix = checked_prefix(config["token_prefix"].as_text()),
      .caller_tokens = config["caller_tokens"].as_bool(),
      .allow_eviction = config["allow_eviction"].as_bool(),
      .migrate_from = std::nullopt,
  };
  const value plain = config["migrate_from"];
  if (!plain.is_nil()) {
    if (!out.caller_tokens) {
      throw error(CACHECORE_INVALID_ARGUMENT, "migrate_from needs caller_tokens: the tokens it takes over are such");
    }
    const map_view fields = plain.pairs();
    out.migrate_from = plain_keys{text_or(fields, "token", "token:"), text_or(fields, "list", "token_list:"),
                                  text_or(fields, "user_field", "user_id")};
  }
  return out;
}

}  // namespace auth_plugin
