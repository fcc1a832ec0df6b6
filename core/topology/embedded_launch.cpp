#include "core/topology/embedded_launch.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "core/failure.h"
#include "core/runtime/clock.h"
#include "core/topology/detached_process.h"
#include "core/topology/embedded_programs.h"

namespace cachecore_internal {
namespace {

[[noreturn]] void fail(const char *what, int error) {
  throw failure(CACHECORE_UNAVAILABLE, std::string("embedded: ") + what + ": " + strerror(error));
}

}  // namespace

embedded_launch::embedded_launch(const embedded_directory &directory, const configuration &settings,
                                 const std::string &link) {
  detached_program program;
  const std::string redis_server = find_redis_server(settings.redis_server);
  // The user's own directory is a cache by nature; one that was named keeps what was written.
  const std::string fsync = settings.server.path.empty() ? "" : settings.embedded_fsync;
  program.words = {find_supervisor(), redis_server, fsync, link, directory.path()};
  program.environment = embedded_environment();

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) fail("no pipe for the supervisor", errno);
  reports_ = owned_descriptor(ends[0]);
  const owned_descriptor writes(ends[1]);
  const owned_descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.valid()) fail("/dev/null", errno);
  program.descriptors = {nothing.get(), nothing.get(), nothing.get(), writes.get(), directory.descriptor()};
  static_assert(EMBEDDED_REPORT_DESCRIPTOR == 3 && EMBEDDED_DIRECTORY_DESCRIPTOR == 4, "the order of `descriptors`");
  const int error = start_detached(program);
  if (error != 0) fail("the supervisor's process cannot be made", error);
}

std::optional<embedded_report> embedded_launch::report(int64_t deadline) {
  embedded_report message{};
  while (reports_.valid()) {
    const ssize_t size = read(reports_.get(), &message, sizeof(message));
    if (size == static_cast<ssize_t>(sizeof(message))) return message;
    if (size >= 0) {
      reports_ = owned_descriptor();
      break;
    }
    const int64_t left = ms_until(deadline);
    if (left == 0) break;
    pollfd event{reports_.get(), POLLIN, 0};
    poll(&event, 1, static_cast<int>(std::min(left, int64_t{INT_MAX})));
  }
  return std::nullopt;
}

}  // namespace cachecore_internal
