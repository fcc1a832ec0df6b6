// embedded_fixture.h: processes that attach to an embedded server, and looks at the server from outside.
//
// Thread rule: the test's own thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "core/config/configuration.h"
#include "core/failure.h"
#include "core/topology/embedded.h"

namespace embedded_test {

using namespace cachecore_internal;  // NOLINT(google-build-using-namespace): it is what is tested

// A directory for one test, and below it the one the server is in (not made yet). Waits at its end until every server
// in it has ended: a test that leaves one behind does not end.
class scene {
 public:
  scene();
  scene(const scene &) = delete;
  scene &operator=(const scene &) = delete;
  ~scene();

  [[nodiscard]] const std::string &root() const { return root_; }
  [[nodiscard]] std::string data() const { return root_ + "/data"; }
  // Settings for embedded:///<data>, fsync always.
  [[nodiscard]] configuration settings() const;
  [[nodiscard]] std::string log() const;

 private:
  char *made_;
  std::string root_;
};

// Another process that attaches, and stays attached until it is told otherwise. It begins at go().
class attacher {
 public:
  // `before` runs in the process first of all.
  explicit attacher(const configuration &settings, int64_t timeout_ms = 60000,
                    const std::function<void()> &before = {});
  attacher(attacher &&other) noexcept;
  attacher &operator=(attacher &&) = delete;
  ~attacher();

  void go() const;
  // Waits until it has attached; the text of its failure, "" when it succeeded.
  std::string outcome();
  // go, and it has to succeed.
  void attach();
  // Detaches in order: the process ends with exit code 0.
  void detach();
  // kill -9.
  void kill();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  int orders_ = -1, outcomes_ = -1;
};

// Of the server that answers on the socket; the test fails when none does.
pid_t server_pid(const std::string &socket_path);
std::string command(const std::string &socket_path, const char *format, const char *argument = nullptr);

// The process' parent, "Name: value" lines of its status, its environment, the targets of its descriptors.
pid_t parent_of(pid_t pid);
std::string status_field(pid_t pid, const char *name);
std::string environment_of(pid_t pid);
std::vector<std::string> open_files(pid_t pid);

// SIGSTOP; at return none of its threads runs any more.
void stop(pid_t pid);

// Processes whose working directory is `directory`: its servers.
std::vector<pid_t> processes_in(const std::string &directory);

// attach_embedded has to throw; what it said.
failure refusal(const configuration &settings, int64_t timeout_ms = 60000);

void assert_contains(const std::string &text, const std::string &part);
void assert_gone(pid_t pid);
void wait_until(const std::function<bool()> &holds);

}  // namespace embedded_test
