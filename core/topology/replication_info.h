// replication_info.h: what a server says of its replication, in INFO's section of that name.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/configuration.h"

namespace cachecore_internal {

struct replication_info {
  bool is_master = false;
  bool follows = false;             // of a replica: its link to the master is up and it is not loading a copy
  std::string history;              // the replication id: offsets of one history alone can be compared
  int64_t offset = -1;              // of a master: what it has written; of a replica: what it has applied
  std::vector<host_port> replicas;  // of a master: those it feeds, without those that still load
};

// Unknown lines are passed over; what is missing stays as it is above, which proves nothing.
replication_info parse_replication_info(std::string_view info);

}  // namespace cachecore_internal
