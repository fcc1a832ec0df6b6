// embedded_answer.h: whether a server answers on a unix socket.
//
// Thread rule: reentrant. Blocks up to the deadline while a server is there and silent.
#pragma once

#include <cstdint>
#include <string>

namespace cachecore_internal {

enum class server_answer {
  ready,    // it serves commands
  loading,  // it reads its data
  absent,   // nobody listens
  silent,   // somebody listens and says nothing until the deadline
};

// Sends PING. `deadline` is of clock.h.
server_answer ask_server(const std::string &socket_path, int64_t deadline);

}  // namespace cachecore_internal
