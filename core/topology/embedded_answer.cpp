#include "core/topology/embedded_answer.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>

#include "core/runtime/clock.h"
#include "core/topology/owned_descriptor.h"

namespace cachecore_internal {
namespace {

owned_descriptor connect_to(const std::string &path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  owned_descriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection.valid()) return {};
  if (connect(connection.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) return {};
  return connection;
}

bool wait_readable(int descriptor, int64_t deadline) {
  for (;;) {
    pollfd event{descriptor, POLLIN, 0};
    const int64_t left = ms_until(deadline);
    const int ready = poll(&event, 1, static_cast<int>(std::min(left, int64_t{INT_MAX})));
    if (ready > 0) return true;
    if (ready == 0 && ms_until(deadline) == 0) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

server_answer ask_server(const std::string &socket_path, int64_t deadline) {
  static constexpr std::string_view ping = "*1\r\n$4\r\nPING\r\n";
  const owned_descriptor connection = connect_to(socket_path);
  if (!connection.valid()) return server_answer::absent;
  if (send(connection.get(), ping.data(), ping.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ping.size()))
    return server_answer::absent;
  std::array<char, 512> reply{};
  size_t size = 0;
  while (size < reply.size() && std::string_view(reply.data(), size).find('\n') == std::string_view::npos) {
    if (!wait_readable(connection.get(), deadline)) return server_answer::silent;
    const ssize_t got = recv(connection.get(), reply.data() + size, reply.size() - size, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return server_answer::absent;
    size += static_cast<size_t>(got);
  }
  // Any other refusal (a full disk, a script that runs) is for the commands to meet: the server is there.
  return std::string_view(reply.data(), size).substr(0, 8) == "-LOADING" ? server_answer::loading
                                                                         : server_answer::ready;
}

}  // namespace cachecore_internal
