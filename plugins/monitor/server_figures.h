// server_figures.h: what INFO says, as figures.
//
// Reads the text of any server of the family: what one does not say is 0 or empty. Several servers are summed up to
// one whole.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace monitor_plugin {

struct server_figures {
  std::string version;
  std::string product;  // "redis", "valkey"
  std::string role;
  std::string policy;  // maxmemory-policy
  std::string last_save;
  int64_t port = 0;
  int64_t uptime_s = 0;

  int64_t used_bytes = 0;
  int64_t peak_bytes = 0;
  int64_t max_bytes = 0;  // 0: no limit
  int64_t resident_bytes = 0;

  int64_t connected = 0;
  int64_t blocked = 0;
  int64_t max_clients = 0;
  int64_t rejected = 0;

  int64_t commands = 0;
  int64_t commands_per_second = 0;
  int64_t hits = 0;
  int64_t misses = 0;
  int64_t expired = 0;
  int64_t evicted = 0;
  int64_t keys = 0;

  int64_t replicas = 0;
  bool link_up = true;  // of a replica to its master
  int64_t lag_bytes = 0;
  bool saving = false;
  bool append_only = false;
  bool last_write_failed = false;

  [[nodiscard]] double memory_fraction() const {
    return max_bytes == 0 ? 0.0 : static_cast<double>(used_bytes) / static_cast<double>(max_bytes);
  }
  [[nodiscard]] double hit_rate() const {
    return hits + misses == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(hits + misses);
  }
};

server_figures read_info(std::string_view text);

// Sums, and of what cannot be summed the first.
server_figures sum_up(const std::vector<server_figures> &servers);

}  // namespace monitor_plugin
