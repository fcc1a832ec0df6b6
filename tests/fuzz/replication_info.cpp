// What a server says of its replication: whatever it is, what is taken from it can be used.
#include "core/topology/replication_info.h"

#include <cstdlib>

using namespace cachecore_internal;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const replication_info read = parse_replication_info({reinterpret_cast<const char *>(data), size});
  if (read.offset < -1 || (read.is_master && read.follows)) abort();
  for (const host_port &each : read.replicas) {
    if (each.host.empty() || each.port == 0) abort();
  }
  return 0;
}
