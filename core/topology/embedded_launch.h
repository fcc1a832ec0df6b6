// embedded_launch.h: a supervisor this process started, as long as it waits for the server.
//
// Thread rule: one thread an object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/config/configuration.h"
#include "core/topology/embedded_directory.h"
#include "core/topology/owned_descriptor.h"
#include "core/topology/supervisor/protocol.h"

namespace cachecore_internal {

class embedded_launch {
 public:
  // Starts a supervisor for the directory. Throws failure(UNAVAILABLE): a program is missing, or no process can be
  // made.
  embedded_launch(const embedded_directory &directory, const configuration &settings, const std::string &link);

  // Its next report, once it is there; none at the deadline, or when it was killed before it could say anything.
  std::optional<embedded_report> report(int64_t deadline);

 private:
  owned_descriptor reports_;
};

}  // namespace cachecore_internal
