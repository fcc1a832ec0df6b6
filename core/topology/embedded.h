// embedded.h: the private server behind embedded://.
//
// A directory is one server: a real redis-server on a unix socket, mode 0700, shared by every process that names it. The first process takes a lock
// and starts a supervisor (a small program of its own, in its own session, no child of ours), which runs the server, restarts it when it dies, and ends it
// when the last attached process has gone, by whatever death. All of that rests on flock, which the kernel releases.
//
//     attached     every attached process holds a shared lock, the supervisor waits for the exclusive one: having it, nobody is left
//     start        exclusive while somebody looks whether a server answers and starts one
//     redis.sock   the server
//     cachecore-embedded   marks the directory as ours; a non-empty directory without it is refused
//
// Thread rule: attach blocks (up to its timeout) and runs on a thread that may; an attachment is closed on any thread. In a forked child the
// inherited attachment is only closed (drop_inherited), never unlocked.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/configuration.h"

namespace cachecore {

class embedded_attachment {
 public:
  embedded_attachment() = default;
  embedded_attachment(embedded_attachment &&other) noexcept;
  embedded_attachment &operator=(embedded_attachment &&other) noexcept;
  ~embedded_attachment();

  // Path of the server's unix socket.
  [[nodiscard]] const std::string &socket_path() const noexcept { return socket_path_; }
  // The descriptor that holds the shared lock, -1 when none.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  // In a forked child: forgets the descriptor, which somebody else has closed.
  void drop_inherited() noexcept { descriptor_ = -1; }

 private:
  friend embedded_attachment attach_embedded(const configuration &, int64_t timeout_ms);
  std::string socket_path_;
  int descriptor_ = -1;
};

// Attaches this process to the directory's server, starting it when none answers. Throws failure: UNAVAILABLE (redis-server is not
// installed: the message says how to install it; did not start in time: with the end of its log), INVALID_ARGUMENT (the directory is something
// else's, is not ours, or cannot be made), TIMEOUT.
embedded_attachment attach_embedded(const configuration &settings, int64_t timeout_ms);

// The directory embedded:// stands for: $XDG_RUNTIME_DIR/cachecore, else /tmp/cachecore-<uid>.
std::string user_directory();

}  // namespace cachecore
