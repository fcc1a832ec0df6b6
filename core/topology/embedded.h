// embedded.h: the private server behind embedded://.
//
// A directory is one server: a real redis-server on a unix socket, mode 0700, shared by every process that names it.
// The first process takes a lock and starts a supervisor (a small program of its own, in its own session, no child of
// ours), which runs the server, restarts it when it dies, and ends it when the last attached process has gone, by
// whatever death. All of that rests on locks, which the kernel releases.
//
//     cachecore-embedded   marks the directory as ours; a non-empty directory without it is refused
//     attached     flock: shared by every attached process; the supervisor waits for the exclusive one, and having it,
//     nobody
//                  is left: it keeps it until the server has ended, so that whoever comes meanwhile waits and starts
//                  anew
//     start        flock: exclusive by who starts a supervisor, until that has reported
//     supervisor   fcntl lock of the supervisor, inherited by the server: held while either lives
//     redis.sock   the server's socket
//     embedded.log what supervisor and server have to say
//
// Whether a server is durable, and its fsync, is decided by who starts it. A supervisor that was killed takes its
// server along; whoever attaches again, also an attached process, starts a new one. Where a directory's path is too
// long for a socket, socket_path leads through a short symbolic link in the runtime directory.
//
// Thread rule: attach blocks (up to its timeout) and runs on any thread that may, on several at once; an attachment is
// closed on any thread. In a forked child the inherited attachment is only closed (by the fork handler) and forgotten
// (drop_inherited), never unlocked.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/configuration.h"

namespace cachecore_internal {

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

// Attaches this process to the directory's server, starting it when none answers. timeout_ms -1: none. Throws failure:
// UNAVAILABLE (redis-server is not installed: the message says how to install it; it did not start, or not in time:
// with the end of its log; the disk is full), INVALID_ARGUMENT (the directory is something else's, is not ours, or
// cannot be made), TIMEOUT (another process did not finish starting or stopping it in time).
embedded_attachment attach_embedded(const configuration &settings, int64_t timeout_ms);

// The directory embedded:// stands for: $XDG_RUNTIME_DIR/cachecore where that is this user's directory, else
// /tmp/cachecore-<uid>.
std::string user_directory();

}  // namespace cachecore_internal
