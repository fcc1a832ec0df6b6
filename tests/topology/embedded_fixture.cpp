#include "tests/topology/embedded_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "core/runtime/process.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"

namespace embedded_test {
namespace {

std::string read_text(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string link_target(const std::string &path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size < 0 ? std::string() : std::string(target.data(), static_cast<size_t>(size));
}

pid_t number_in(const std::string &text) { return static_cast<pid_t>(std::strtol(text.c_str(), nullptr, 10)); }

std::vector<std::string> names_in(const std::string &directory) {
  std::vector<std::string> names;
  DIR *listing = opendir(directory.c_str());
  if (listing == nullptr) return names;
  while (const dirent *entry = readdir(listing)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(listing);
  return names;
}

// The process that was forked: attaches, says how it went, and stays until its second order.
[[noreturn]] void live_attached(const configuration &settings, int64_t timeout_ms, int orders, int outcomes) {
  char order = 0;
  if (read(orders, &order, 1) != 1) _exit(1);
  std::string outcome;
  embedded_attachment attachment;
  try {
    attachment = attach_embedded(settings, timeout_ms);
  } catch (const failure &refused) {
    outcome = refused.message();
  }
  outcome.push_back('\0');
  if (write(outcomes, outcome.data(), outcome.size()) < 0) _exit(1);
  if (read(orders, &order, 1) != 1) _exit(1);
  attachment = embedded_attachment();
  _exit(0);
}

}  // namespace

scene::scene() : made_(test_directory()), root_(made_) {}

scene::~scene() {
  wait_until([this] { return processes_in(data()).empty(); });
  test_directory_remove(made_);
}

configuration scene::settings() const {
  configuration made;
  made.server.scheme = scheme::embedded;
  made.server.path = data();
  made.embedded_fsync = "always";
  const char *server = getenv("CACHECORE_TEST_REDIS_SERVER");
  if (server != nullptr && server[0] != '\0') made.redis_server = server;
  return made;
}

std::string scene::log() const { return read_text(data() + "/embedded.log"); }

attacher::attacher(const configuration &settings, int64_t timeout_ms, const std::function<void()> &before) {
  std::array<int, 2> orders{}, outcomes{};
  if (pipe2(orders.data(), O_CLOEXEC) != 0 || pipe2(outcomes.data(), O_CLOEXEC) != 0) test_die("no pipe");
  watch_forks();
  pid_ = fork();
  if (pid_ < 0) test_die("no fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(orders[1]);
    close(outcomes[0]);
    if (before) before();
    live_attached(settings, timeout_ms, orders[0], outcomes[1]);
  }
  close(orders[0]);
  close(outcomes[1]);
  orders_ = orders[1];
  outcomes_ = outcomes[0];
}

attacher::attacher(attacher &&other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      orders_(std::exchange(other.orders_, -1)),
      outcomes_(std::exchange(other.outcomes_, -1)) {}

attacher::~attacher() {
  kill();
  if (orders_ >= 0) close(orders_);
  if (outcomes_ >= 0) close(outcomes_);
}

void attacher::go() const {
  if (write(orders_, "", 1) != 1) test_die("an attaching process is gone");
}

std::string attacher::outcome() {
  std::string said;
  char letter = 0;
  while (read(outcomes_, &letter, 1) == 1) {
    if (letter == '\0') return said;
    said.push_back(letter);
  }
  return "the process ended";
}

void attacher::attach() {
  go();
  assert_string_equal(outcome().c_str(), "");
}

void attacher::detach() {
  go();
  int status = 0;
  assert_int_equal(waitpid(std::exchange(pid_, 0), &status, 0) > 0, 1);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void attacher::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(std::exchange(pid_, 0), nullptr, 0);
}

std::string command(const std::string &socket_path, const char *format, const char *argument) {
  char *text = test_command_text_at(socket_path.c_str(), format, argument);
  std::string made = text;
  free(text);
  return made;
}

pid_t server_pid(const std::string &socket_path) {
  const std::string info = command(socket_path, "INFO server");
  const size_t at = info.find("process_id:");
  assert_true(at != std::string::npos);
  return number_in(info.substr(at + std::strlen("process_id:")));
}

std::string status_field(pid_t pid, const char *name) {
  std::istringstream lines(read_text("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(std::string(name) + ":\t")) return line.substr(std::strlen(name) + 2);
  }
  return {};
}

pid_t parent_of(pid_t pid) { return number_in(status_field(pid, "PPid")); }

std::string environment_of(pid_t pid) { return read_text("/proc/" + std::to_string(pid) + "/environ"); }

std::vector<std::string> open_files(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  std::vector<std::string> targets;
  for (const std::string &name : names_in(directory)) targets.push_back(link_target(directory + "/" + name));
  return targets;
}

void stop(pid_t pid) {
  ::kill(pid, SIGSTOP);
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  wait_until([&] {
    for (const std::string &task : names_in(tasks)) {
      if (read_text(tasks + "/" + task + "/status").find("State:\tT") == std::string::npos) return false;
    }
    return true;
  });
}

std::vector<pid_t> processes_in(const std::string &directory) {
  std::vector<pid_t> found;
  for (const std::string &name : names_in("/proc")) {
    const pid_t pid = number_in(name);
    if (pid > 0 && link_target("/proc/" + name + "/cwd").starts_with(directory)) found.push_back(pid);
  }
  return found;
}

failure refusal(const configuration &settings, int64_t timeout_ms) {
  try {
    const embedded_attachment attachment = attach_embedded(settings, timeout_ms);
  } catch (const failure &refused) {
    return refused;
  }
  print_error("attaching to %s succeeded\n", settings.server.path.c_str());
  _fail(__FILE__, __LINE__);
  abort();
}

void assert_contains(const std::string &text, const std::string &part) {
  if (text.find(part) != std::string::npos) return;
  print_error("not contained: %s\n         text: %s\n", part.c_str(), text.c_str());
  _fail(__FILE__, __LINE__);
}

void assert_gone(pid_t pid) { assert_true(test_wait_gone(pid, test_patience_ms())); }

void wait_until(const std::function<bool()> &holds) {
  const auto call = [](void *context) -> int {
    return (*static_cast<const std::function<bool()> *>(context))() ? 1 : 0;
  };
  std::function<bool()> copy = holds;
  if (!test_wait_until(call, &copy, test_patience_ms())) test_die("what a test waits for does not happen");
}

}  // namespace embedded_test
