// settings.h: the plugin's configuration, checked.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host_api.h"

namespace http_plugin {

struct settings {
  bool listens = false;
  std::string listen;  // as it was given
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::array<uint8_t, 32> token_digest{};
  std::vector<std::string> hosts;  // names a Host header may have, in lower case
  std::vector<std::string> allow;  // "queue.replay_dead", "queue.*"
  size_t max_connections = 0;
  size_t max_body = 0;
  int64_t request_timeout_ms = 0;
  int64_t call_timeout_ms = 0;
};

inline constexpr size_t max_head = size_t{16} * 1024;

// Throws INVALID_ARGUMENT that names the key.
settings read_settings(const host &host, const value &config);

}  // namespace http_plugin
