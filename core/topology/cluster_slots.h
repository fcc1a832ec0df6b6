// cluster_slots.h: which node serves which slots, as CLUSTER SLOTS tells it.
//
// Thread rule: pure functions.
#pragma once

#include <cachecore/value.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/config/configuration.h"

namespace cachecore_internal {

struct slot_range {
  uint16_t first;
  uint16_t last;  // inclusive
  host_port master;
  std::vector<host_port> replicas;
};

// The reply of `asked`, whose host stands for addresses that name none. Throws failure(UNAVAILABLE) when it is not what
// a cluster answers, or covers no slot.
std::vector<slot_range> parse_cluster_slots(const cachecore_value &reply, const host_port &asked);

struct redirection {
  bool ask = false;
  uint16_t slot = 0;
  host_port to;
};

// "MOVED 3999 127.0.0.1:6381", "ASK 3999 [::1]:6381", "MOVED 3999 :6381": nothing if it is none of these.
std::optional<redirection> parse_redirection(std::string_view message, const host_port &asked);

}  // namespace cachecore_internal
