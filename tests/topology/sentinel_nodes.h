// sentinel_nodes.h: a master, its replicas and sentinels that watch them, as real processes of the test.
//
// Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace topology_test {

class sentinel_nodes {
 public:
  // Extra arguments as test_server_start: of the servers, and lines of the sentinels' configuration.
  explicit sentinel_nodes(size_t replicas = 2, size_t sentinels = 3, const std::vector<std::string> &server_args = {},
                          const std::vector<std::string> &sentinel_lines = {});
  ~sentinel_nodes();
  sentinel_nodes(const sentinel_nodes &) = delete;
  sentinel_nodes &operator=(const sentinel_nodes &) = delete;

  // redis+sentinel://.../mymaster, with all sentinels; `credentials` ("user:password@") stands before the hosts.
  [[nodiscard]] std::string url(const std::string &credentials = "") const;
  [[nodiscard]] test_server *server(size_t index) const { return servers_[index]; }  // 0 is the first master
  [[nodiscard]] test_server *sentinel(size_t index) const { return sentinels_[index]; }
  // How long a server is silent before the sentinels replace it: a minute unless told, so that none of them does
  // because the machine is busy, or the master paused.
  void believe_dead_after(int64_t milliseconds) const;
  // Which server the sentinels that live agree on; SIZE_MAX when they do not, or it does not say it is a master.
  [[nodiscard]] size_t master() const;
  // Returns when they agree on another one.
  void wait_until_switched(size_t from) const;

 private:
  std::vector<test_server *> servers_;
  std::vector<test_server *> sentinels_;
  std::vector<char *> directories_;
};

}  // namespace topology_test
