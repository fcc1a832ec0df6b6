// sync.cpp: one thread that waits for each answer.
#include "bench.h"
#include "core_of.h"
#include "peers.h"

namespace bench {

namespace {

sides make_sync1() {
  const std::shared_ptr<cachecore> core = open_core(server_url());
  const cachecore_method *get = find(core.get(), "kv.get");
  const std::shared_ptr<redisContext> peer = connect_peer();
  const pid_t pid = test_server_pid(server());
  return {[core, get, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) get_once(core.get(), get);
                },
                100, pid);
          },
          [peer, pid] {
            return run_for_a_while(
                [&](int count) {
                  for (int i = 0; i < count; i++) get_once(peer.get());
                },
                100, pid);
          },
          nullptr};
}

}  // namespace

std::vector<row> sync_rows() {
  return {
      {"get.sync1", "hiredis sync", quantity::operations_per_second, 0.95, 0, true, make_sync1},
      {"get.sync1.unpinned", "hiredis sync", quantity::operations_per_second, 0, 0, false, make_sync1},
  };
}

}  // namespace bench
