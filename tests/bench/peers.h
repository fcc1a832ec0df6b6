// peers.h: what others do with the same command: hiredis, blocking.
#pragma once

#include <hiredis/hiredis.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace bench {

struct free_context {
  void operator()(redisContext *context) const { redisFree(context); }
};
using context_ptr = std::unique_ptr<redisContext, free_context>;

// A TCP connection to the private server, without Nagle's delay.
context_ptr connect_peer();
void get_once(redisContext *context);

// A pool as applications write it: borrowed for a command, given back after it.
class peer_pool {
 public:
  explicit peer_pool(size_t size);
  void get_once();

 private:
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<context_ptr> idle_;
};

}  // namespace bench
