// settings.h: what one source said.
//
// A source (the options struct, a JSON object, the environment) becomes one of these, already checked for itself;
// load.cpp lays them over each other. What a source left unsaid is empty, so "said the default" and "said nothing"
// differ.
//
// Thread rule: none, they are plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/configuration.h"
#include "core/config/environment.h"

namespace cachecore_internal {

// A value and how messages call it: "config_json: password".
struct said {
  std::string value;
  std::string origin;
};

struct settings {
  std::string source;  // how messages call it: "options", "config_json", "config_file /etc/app.json", "environment"

  // What belongs to a server: used only with this source's url, or with that of any source when this one has none
  // (load.cpp).
  std::optional<endpoint> server;
  std::string server_origin;
  std::optional<said> password;
  std::optional<said> password_file;
  std::optional<said> tls_ca_file, tls_certificate_file, tls_key_file, tls_server_name;
  std::optional<bool> tls_verify;
  std::optional<said> sentinel_user, sentinel_password;

  std::optional<std::vector<std::string>> load;
  std::map<std::string, std::string> plugin_configs;
  std::optional<std::vector<std::string>> plugin_path;
  std::optional<std::string> key_prefix;
  std::optional<int64_t> max_connections, connect_timeout_ms, call_timeout_ms, busy_poll_us, max_staleness_ms;
  std::optional<said> read_from;  // "master" or "replica"
  std::optional<bool> retry_on_timeout, decode_responses, ping_on_init;
  std::optional<std::string> embedded_fsync, redis_server;
  std::optional<said> secret_key_file;
  std::optional<std::vector<std::string>> env_files;

  [[nodiscard]] bool has_tls() const {
    return tls_ca_file || tls_certificate_file || tls_key_file || tls_server_name || tls_verify;
  }
};

// The rule of precedence: what is set stays.
template <class Value>
void inherit(std::optional<Value> &into, const std::optional<Value> &from) {
  if (!into) into = from;
}

// What a number may be. -1 is allowed beside the range where `none` is set.
struct number_range {
  int64_t minimum;
  int64_t maximum;
  bool none;
  std::string_view takes;
};

inline constexpr number_range max_connections_range{1, 10'000, false, "a whole number from 1 to 10000"};
inline constexpr number_range connect_timeout_range{1, 3'600'000, false, "milliseconds from 1 to 3600000"};
inline constexpr number_range call_timeout_range{1, 31'536'000'000, true,
                                                 "milliseconds from 1 to 31536000000, or -1 for no deadline"};
inline constexpr number_range max_staleness_range{10, 3'600'000, false, "milliseconds from 10 to 3600000"};
inline constexpr number_range busy_poll_range{0, 1'000'000, false, "microseconds from 0 to 1000000"};

// These throw failure(INVALID_ARGUMENT), "<origin> must be ...".
int64_t checked_number(int64_t number, const number_range &range, std::string_view origin);
std::string checked_key_prefix(std::string prefix, std::string_view origin);
std::string checked_absolute_path(std::string path, std::string_view origin);
// Plugins to load: names or absolute paths, each once.
std::vector<std::string> checked_load(std::vector<std::string> names, std::string_view origin);
// Splits absolute directories at ':', leaving empty ones out.
std::vector<std::string> checked_plugin_path(std::string_view path, std::string_view origin);
// parse_url, with the origin put before its message.
endpoint checked_url(const std::string &url, std::string_view origin);
// True for [a-z][a-z0-9_]*, 64 bytes at most.
bool is_plugin_name(std::string_view name);

// The sources. Each throws failure(INVALID_ARGUMENT).
settings settings_of_options(const cachecore_options &options);
settings settings_of_json(std::string_view json, std::string_view source);
// Reads only the variables that stand for something `decided` does not hold: an unused REDIS_PORT may be anything
// (orchestrators set variables of such names for purposes of their own).
settings settings_of_environment(const environment &variables, const settings &decided);

}  // namespace cachecore_internal
