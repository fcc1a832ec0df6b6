// settings.h: the plugin's configuration, checked.
//
// Thread rule: immutable once made.
#pragma once

#include <cachecore/plugin.hpp>

#include <optional>
#include <string>

namespace auth_plugin {

using namespace cachecore::plugin;

// Where an earlier application kept its tokens, behind the core's key_prefix.
struct plain_keys {
  std::string token;
  std::string list;
  std::string user_field;
};

struct settings {
  // Throws INVALID_ARGUMENT naming the key, or the environment variable.
  static settings from(map_view config);

  int64_t ttl_ms;
  int64_t refresh_ttl_ms;
  int64_t rotation_grace_ms;
  int64_t ticket_ttl_ms;
  int64_t max_per_user;
  std::string token_prefix;
  bool caller_tokens;
  bool allow_eviction;
  std::optional<plain_keys> migrate_from;
};

// Refuses what no server's clock reaches; `name` is the parameter or key.
int64_t checked_ttl(const char *name, int64_t ttl_ms);

inline constexpr auto migrate_fields = spec::fields(
    spec::text("token", "What stands before a token in the key of its metadata.")
        .kinds(spec::some_bytes)
        .by_default("token:"),
    spec::text("list", "What stands before a user in the key of the user's tokens.")
        .kinds(spec::some_bytes)
        .by_default("token_list:"),
    spec::text("user_field",
               "The field of the metadata that names the user; metadata without fields is the user itself.")
        .kinds(spec::some_bytes)
        .by_default("user_id"));

inline constexpr auto auth_config = spec::fields(
    spec::duration("ttl_ms",
                   "How long a token lives when issue does not say. Without it: ACCESS_TOKEN_EXPIRE_MINUTES of the "
                   "environment, else 30 minutes.")
        .kinds(spec::an_int)
        .optional()
        .at_least(1),
    spec::duration("refresh_ttl_ms",
                   "How long a pair lives, however often it is rotated, when issue_pair does not say.")
        .kinds(spec::an_int)
        .at_least(1)
        .by_default(30LL * 24 * 3'600 * 1'000),
    spec::duration("rotation_grace_ms",
                   "How long a refresh token that was rotated gives the same successor; later its use ends the pair.")
        .kinds(spec::an_int)
        .at_least(1)
        .by_default(10'000),
    spec::duration("ticket_ttl_ms", "How long after begin a sign-in may be finished.")
        .kinds(spec::an_int)
        .at_least(1)
        .by_default(600'000),
    spec::count("max_per_user", "How many sign-ins a user may have; those that end first make room. 0: any number.")
        .kinds(spec::an_int)
        .at_least(0)
        .by_default(0),
    spec::text("token_prefix", "What tokens begin with: 1 to 16 of a-z and 0-9.")
        .kinds(spec::some_bytes)
        .by_default("cc"),
    spec::any(
        "caller_tokens",
        "Whether there may be tokens that callers made. If not, every other text is refused without a round trip.")
        .kinds(spec::a_bool)
        .by_default(true),
    spec::any("allow_eviction",
              "Works on a server that evicts keys (maxmemory-policy is not noeviction), where tokens may vanish early.")
        .kinds(spec::a_bool)
        .by_default(false),
    spec::any("migrate_from",
              "Takes over tokens from plain keys, each at its first use; {} for token:TOKEN and token_list:USER.")
        .kinds(spec::a_map)
        .optional()
        .with_fields<migrate_fields>());

}  // namespace auth_plugin
