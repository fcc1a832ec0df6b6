#include "core/topology/embedded.h"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "core/failure.h"
#include "core/runtime/clock.h"
#include "core/topology/embedded_answer.h"
#include "core/topology/embedded_directory.h"
#include "core/topology/embedded_launch.h"
#include "core/topology/owned_descriptor.h"
#include "core/topology/supervisor/protocol.h"

namespace cachecore_internal {
namespace {

// Waits between looks, a little longer each time, and not beyond the deadline.
class patience {
 public:
  explicit patience(int64_t deadline) : deadline_(deadline) {}

  // False once the deadline has passed.
  bool wait() {
    const int64_t left = ms_until(deadline_);
    if (left == 0) return false;
    const int64_t pause = left < 0 ? pause_ms_ : std::min(pause_ms_, left);
    const timespec time{0, static_cast<long>(pause * ns_per_ms)};
    nanosleep(&time, nullptr);
    pause_ms_ = std::min(pause_ms_ * 2, longest_ms);
    return true;
  }

 private:
  static constexpr int64_t longest_ms = 20;
  int64_t deadline_;
  int64_t pause_ms_ = 1;
};

[[noreturn]] void late(const embedded_directory &directory, const char *why) {
  throw failure(CACHECORE_TIMEOUT, "embedded: " + directory.path() + ": " + why + ": try again, or give it more time");
}

bool try_lock(const owned_descriptor &file, int kind) {
  while (flock(file.get(), kind | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw failure(CACHECORE_UNAVAILABLE, std::string("embedded: no lock: ") + strerror(errno));
  }
  return true;
}

// The lock of who starts a supervisor. Unlocked by name and not only closed: a child that another thread forks
// meanwhile has a copy of the descriptor.
class start_lock {
 public:
  explicit start_lock(const embedded_directory &directory) : file_(directory.open_lock(EMBEDDED_START)) {
    held_ = file_.valid() && try_lock(file_, LOCK_EX) && directory.holds(EMBEDDED_START, file_);
  }
  start_lock(const start_lock &) = delete;
  start_lock &operator=(const start_lock &) = delete;
  ~start_lock() {
    if (file_.valid()) flock(file_.get(), LOCK_UN);
  }
  [[nodiscard]] bool held() const noexcept { return held_; }

 private:
  owned_descriptor file_;
  bool held_ = false;
};

// One process' way to a server that answers.
class arrival {
 public:
  arrival(const embedded_directory &directory, const configuration &settings, int64_t deadline)
      : directory_(directory), settings_(settings), deadline_(deadline), log_size_(directory.log_size()) {
    socket_path_ = directory.socket_path(link_);
  }

  [[nodiscard]] const std::string &socket_path() const noexcept { return socket_path_; }

  // Returns once the server answers; false when the directory was deleted meanwhile.
  bool wait_for_server(const owned_descriptor &attached) {
    patience waiting(deadline_);
    for (;;) {
      const server_answer answer = ask_server(socket_path_, deadline_);
      if (answer == server_answer::ready) return true;
      if (!directory_.holds(EMBEDDED_ATTACHED, attached)) return false;
      hear_reports();
      if (answer == server_answer::absent && !directory_.supervised()) start_supervisor();
      if (!waiting.wait()) give_up(answer);
    }
  }

 private:
  void hear_reports() {
    while (launch_) {
      const std::optional<embedded_report> report = launch_->report(now_ns());
      if (!report) return;
      if (report->kind == EMBEDDED_FAILED) fail(*report);
    }
  }

  void start_supervisor() {
    const start_lock lock(directory_);
    if (!lock.held() || directory_.supervised()) return;
    launch_.emplace(directory_, settings_, link_);
    const std::optional<embedded_report> report = launch_->report(deadline_);
    if (report && report->kind == EMBEDDED_FAILED) fail(*report);
  }

  [[noreturn]] void fail(const embedded_report &report) const {
    std::string message = "embedded: " + directory_.path() + ": " + report.text;
    if (report.error != 0) message += std::string(": ") + strerror(report.error);
    throw failure(CACHECORE_UNAVAILABLE, message + directory_.last_words(log_size_));
  }

  [[noreturn]] void give_up(server_answer answer) const {
    if (answer == server_answer::absent && !directory_.supervised())
      late(directory_, "another process is starting the server and does not finish");
    const char *state = "did not start in time";
    if (answer == server_answer::loading) state = "is still loading its data: give it more time";
    if (answer == server_answer::silent) state = "takes connections and does not answer";
    throw failure(CACHECORE_UNAVAILABLE, "embedded: the redis-server in " + directory_.path() + " " + state +
                                             directory_.last_words(log_size_));
  }

  const embedded_directory &directory_;
  const configuration &settings_;
  int64_t deadline_;
  int64_t log_size_;
  std::string link_;
  std::string socket_path_;
  std::optional<embedded_launch> launch_;
};

// Takes the shared lock, which only a supervisor that ends keeps from us. An invalid descriptor when the directory was
// deleted meanwhile.
owned_descriptor take_attached(const embedded_directory &directory, int64_t deadline) {
  owned_descriptor file = directory.open_lock(EMBEDDED_ATTACHED);
  patience waiting(deadline);
  while (file.valid() && !try_lock(file, LOCK_SH)) {
    if (!waiting.wait()) late(directory, "its server is ending, and has not finished");
    if (!directory.holds(EMBEDDED_ATTACHED, file)) return {};
  }
  return directory.holds(EMBEDDED_ATTACHED, file) ? std::move(file) : owned_descriptor();
}

}  // namespace

embedded_attachment::embedded_attachment(embedded_attachment &&other) noexcept
    : socket_path_(std::move(other.socket_path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

embedded_attachment &embedded_attachment::operator=(embedded_attachment &&other) noexcept {
  if (this != &other) {
    close_descriptor(descriptor_);
    socket_path_ = std::move(other.socket_path_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

embedded_attachment::~embedded_attachment() { close_descriptor(descriptor_); }

embedded_attachment attach_embedded(const configuration &settings, int64_t timeout_ms) {
  const int64_t deadline = deadline_after_ms(timeout_ms);
  patience waiting(deadline);
  for (;;) {
    const embedded_directory directory(settings.server.path);
    owned_descriptor attached = take_attached(directory, deadline);
    if (attached.valid()) {
      arrival mine(directory, settings, deadline);
      if (mine.wait_for_server(attached)) {
        embedded_attachment made;
        made.socket_path_ = mine.socket_path();
        made.descriptor_ = attached.release();
        return made;
      }
    }
    if (!waiting.wait()) late(directory, "it is being deleted again and again");
  }
}

}  // namespace cachecore_internal
