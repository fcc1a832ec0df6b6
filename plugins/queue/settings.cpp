#include "settings.h"

#include <cstdio>

namespace queue_plugin {

namespace {

constexpr int64_t longest_ms = int64_t{366} * 24 * 3600 * 1000;

int64_t number(const map_view &given, const char *name, int64_t standard) {
  const value found = given[name];
  return found.is_nil() ? standard : found.as_int();
}

}  // namespace

std::string backoff_text(const map_view &given, const char *where) {
  const auto refuse = [where](const std::string &wants) {
    throw error(CACHECORE_INVALID_ARGUMENT, std::string(where) + wants);
  };
  const value type = given["type"];
  const std::string_view name = type.is_nil() ? "exponential" : type.as_text();
  if (name != "fixed" && name != "exponential")
    refuse(".type must be \"fixed\" or \"exponential\", got \"" + std::string(name) + "\"");
  const int64_t delay = number(given, "delay_ms", 1000);
  const int64_t longest = number(given, "max_ms", 3600000);
  if (delay > longest_ms || longest > longest_ms) refuse(".delay_ms and .max_ms must be at most a year");
  const value share = given["jitter"];
  const double jitter = share.is_nil() ? 0.2 : share.as_double();
  if (!(jitter >= 0 && jitter <= 1)) refuse(".jitter must be 0 to 1");
  char text[80];
  std::snprintf(text, sizeof(text), "%c:%lld:%lld:%.2f", name == "fixed" ? 'f' : 'e', static_cast<long long>(delay),
                static_cast<long long>(longest), jitter);
  return text;
}

settings::settings(const value &config) {
  const map_view given = config.is_nil() ? map_view() : config.pairs();
  max_attempts = number(given, "max_attempts", 5);
  const value how = given["backoff"];
  backoff = backoff_text(how.is_nil() ? map_view() : how.pairs(), "backoff");
  lease_ms = number(given, "lease_ms", 30000);
  result_keep_ms = number(given, "result_keep_ms", 3600000);
  dead_keep_ms = number(given, "dead_keep_ms", int64_t{7} * 24 * 3600 * 1000);
  dead_max = number(given, "dead_max", 100000);
  const value eviction = given["allow_eviction"];
  allow_eviction = !eviction.is_nil() && eviction.as_bool();
  const value sync = given["sync"];
  const map_view wait = sync.is_nil() ? map_view() : sync.pairs();
  sync_replicas = number(wait, "replicas", 0);
  sync_timeout_ms = number(wait, "timeout_ms", 1000);
  script_words = std::to_string(max_attempts) + ";" + backoff + ";" + std::to_string(result_keep_ms) + ";" +
                 std::to_string(dead_keep_ms) + ";" + std::to_string(dead_max) + ";";
}

}  // namespace queue_plugin
