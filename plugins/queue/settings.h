// settings.h: the plugin's configuration, and how a job is tried again.
#pragma once

#include <cachecore/plugin.hpp>

#include <string>

namespace queue_plugin {

using namespace cachecore::plugin;

struct settings {
  explicit settings(const value &config);

  int64_t max_attempts;
  std::string backoff;  // as backoff_text writes it
  int64_t lease_ms;
  int64_t result_keep_ms;
  int64_t dead_keep_ms;
  int64_t dead_max;
  bool allow_eviction;
  int64_t sync_replicas;  // 0: no WAIT
  int64_t sync_timeout_ms;
  std::string script_words;  // for ARGV[1] of the scripts, but for the random number at its end
};

// {type: "fixed" | "exponential", delay_ms, max_ms, jitter} as the scripts read it: "e:1000:3600000:0.20". Throws
// INVALID_ARGUMENT that begins with `where`.
std::string backoff_text(const map_view &given, const char *where);

}  // namespace queue_plugin
