// What the host process must not notice, and what the server must not get of it.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/embedded_fixture.h"

namespace {

using namespace embedded_test;

constexpr int64_t patience_ms = 60000;

// Sets an environment variable for one test.
class environment_variable {
 public:
  environment_variable(const char *name, const std::string &value) : name_(name) {
    const char *before = getenv(name);
    had_ = before != nullptr;
    if (had_) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  environment_variable(const environment_variable &) = delete;
  environment_variable &operator=(const environment_variable &) = delete;
  ~environment_variable() {
    if (had_) {
      setenv(name_, before_.c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }

 private:
  const char *name_;
  bool had_ = false;
  std::string before_;
};

void the_host_sees_no_child_and_no_signal(void **) {
  scene at;
  sigset_t of_children, before;
  sigemptyset(&of_children);
  sigaddset(&of_children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &of_children, &before);
  {
    const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
    const pid_t server = server_pid(attachment.socket_path());
    const int waited = waitpid(-1, nullptr, WNOHANG);
    assert_int_equal(waited, -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGCHLD));
    assert_int_not_equal(parent_of(parent_of(server)), getpid());
  }
  wait_until([&] { return processes_in(at.data()).empty(); });
  sigset_t pending;
  sigpending(&pending);
  assert_false(sigismember(&pending, SIGCHLD));
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

void signals_the_host_blocks_or_ignores_reach_the_server(void **) {
  scene at;
  attacher starter(at.settings(), patience_ms, [] {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    for (int number = 1; number < SIGRTMIN; number++) ::signal(number, SIG_IGN);
  });
  starter.attach();
  const pid_t server = server_pid(at.data() + "/redis.sock");
  assert_int_equal(std::strtoull(status_field(server, "SigBlk").c_str(), nullptr, 16), 0);
  test_server *usual = test_server_start(nullptr, nullptr);
  assert_string_equal(status_field(server, "SigIgn").c_str(), status_field(test_server_pid(usual), "SigIgn").c_str());
  test_server_stop(usual);
  starter.kill();
  assert_gone(server);
}

void descriptors_and_secrets_of_the_host_stay_with_it(void **) {
  scene at;
  const environment_variable secret("CACHECORE_SECRET_KEY", "not-for-the-server");
  const std::string precious = at.root() + "/precious";
  const int file = open(precious.c_str(), O_RDWR | O_CREAT, 0600);  // not CLOEXEC
  assert_true(file >= 0);
  const int high = fcntl(file, F_DUPFD, 700);
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t server = server_pid(attachment.socket_path());
  for (const pid_t pid : {server, parent_of(server)}) {
    for (const std::string &target : open_files(pid)) assert_string_not_equal(target.c_str(), precious.c_str());
    assert_true(environment_of(pid).find("not-for-the-server") == std::string::npos);
  }
  // Of what the supervisor has, the server has its lock alone.
  size_t of_directory = 0;
  for (const std::string &target : open_files(server)) {
    if (target.starts_with(at.data()) && target.find("appendonly") == std::string::npos) of_directory++;
  }
  assert_int_equal(of_directory, 3);  // the log twice (1 and 2), the lock
  close(file);
  close(high);
}

void a_host_without_standard_descriptors_starts_it_too(void **) {
  scene at;
  attacher starter(at.settings(), patience_ms, [] {
    for (int descriptor = 0; descriptor < 3; descriptor++) close(descriptor);
  });
  starter.attach();
  const pid_t server = server_pid(at.data() + "/redis.sock");
  assert_string_equal(open_files(server).front().c_str(), "/dev/null");
  starter.kill();
  assert_gone(server);
}

void attaching_costs_no_descriptors_and_no_memory_of_old_ones(void **) {
  scene at;
  const embedded_attachment first = attach_embedded(at.settings(), patience_ms);
  const size_t before = open_files(getpid()).size();
  for (int i = 0; i < 50; i++) {
    embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
    attachment = attach_embedded(at.settings(), patience_ms);
    const embedded_attachment moved = std::move(attachment);
    assert_int_equal(open_files(getpid()).size(), before + 1);
    assert_true(fcntl(moved.descriptor(), F_GETFD) & FD_CLOEXEC);
  }
  assert_int_equal(open_files(getpid()).size(), before);
}

void a_missing_redis_server_is_named_with_its_remedy(void **) {
  scene at;
  configuration settings = at.settings();
  settings.redis_server = "no-such-redis-server";
  {
    const environment_variable path("PATH", at.root() + ":relative::/nowhere");
    const failure refused = refusal(settings);
    assert_int_equal(refused.status(), CACHECORE_UNAVAILABLE);
    assert_contains(refused.message(), "embedded: redis-server was not found (looked in " + at.root() + ", /nowhere, ");
    assert_contains(refused.message(),
                    "): install it with `apt-get install redis-server` or set embedded.redis_server");
  }
  settings.redis_server = at.root() + "/bin/redis-server";
  assert_contains(refusal(settings).message(), "(looked in " + at.root() + "/bin/redis-server): install it with");
  // A file that may not be executed is no program.
  settings.redis_server = at.root() + "/redis-server";
  close(open(settings.redis_server.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  assert_contains(refusal(settings).message(), "embedded: redis-server was not found");
  // Nor is an executable one nobody can run.
  chmod(settings.redis_server.c_str(), 0700);
  const int file = open(settings.redis_server.c_str(), O_WRONLY | O_CLOEXEC);
  assert_int_equal(write(file, "\177ELF", 4), 4);
  close(file);
  assert_contains(refusal(settings).message(), settings.redis_server + ": Exec format error");
  // The remedy is within what an error can carry, however long PATH is.
  std::string long_path;
  for (int i = 0; i < 100; i++) long_path += "/a/directory/number/" + std::to_string(i) + ":";
  const environment_variable path("PATH", long_path);
  settings.redis_server = "no-such-redis-server";
  assert_contains(refusal(settings).message().substr(0, sizeof(cachecore_error::message) - 1),
                  "or set embedded.redis_server");
}

void a_server_that_runs_needs_no_program_to_attach(void **) {
  scene at;
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  configuration settings = at.settings();
  settings.redis_server = "no-such-redis-server";
  const environment_variable supervisor("CACHECORE_SUPERVISOR", "/nowhere");
  const embedded_attachment other = attach_embedded(settings, patience_ms);
  assert_string_equal(other.socket_path().c_str(), attachment.socket_path().c_str());
}

void a_missing_supervisor_is_named(void **) {
  scene at;
  {
    const environment_variable supervisor("CACHECORE_SUPERVISOR", at.root() + "/supervisor");
    const failure refused = refusal(at.settings());
    assert_int_equal(refused.status(), CACHECORE_UNAVAILABLE);
    assert_contains(refused.message(),
                    "CACHECORE_SUPERVISOR names \"" + at.root() + "/supervisor\", which is no program");
    const int file = open((at.root() + "/supervisor").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_int_equal(write(file, "\177ELF", 4), 4);
    close(file);
    assert_contains(refusal(at.settings()).message(), at.root() + "/supervisor cannot be executed: Exec format error");
  }
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
}

void the_supervisor_by_hand_says_what_it_is(void **) {
  scene at;
  const std::string output = at.root() + "/output";
  const int status = system(("\"$CACHECORE_SUPERVISOR\" redis-server > " + output + " 2>&1").c_str());
  assert_int_equal(WEXITSTATUS(status), 2);
  assert_int_equal(system(("grep -q 'is started by libcachecore' " + output).c_str()), 0);
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_host_sees_no_child_and_no_signal),
      cmocka_unit_test(signals_the_host_blocks_or_ignores_reach_the_server),
      cmocka_unit_test(descriptors_and_secrets_of_the_host_stay_with_it),
      cmocka_unit_test(a_host_without_standard_descriptors_starts_it_too),
      cmocka_unit_test(attaching_costs_no_descriptors_and_no_memory_of_old_ones),
      cmocka_unit_test(a_missing_redis_server_is_named_with_its_remedy),
      cmocka_unit_test(a_server_that_runs_needs_no_program_to_attach),
      cmocka_unit_test(a_missing_supervisor_is_named),
      cmocka_unit_test(the_supervisor_by_hand_says_what_it_is),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
