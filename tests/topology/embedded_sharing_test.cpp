// One server for all who name the directory, for exactly as long as one of them lives.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "core/runtime/process.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/embedded_fixture.h"

namespace {

using namespace embedded_test;

std::string socket_of(const scene &at) { return at.data() + "/redis.sock"; }

size_t starts_in(const std::string &log) {
  size_t count = 0;
  const char *line = " is starting oO0";
  for (size_t at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) count++;
  return count;
}

void eight_processes_at_once_start_one_server(void **) {
  scene at;
  std::vector<attacher> all;
  all.reserve(8);
  for (int i = 0; i < 8; i++) all.emplace_back(at.settings());
  for (const attacher &one : all) one.go();
  for (attacher &one : all) assert_string_equal(one.outcome().c_str(), "");
  const pid_t server = server_pid(socket_of(at));
  assert_int_equal(processes_in(at.data()).size(), 1);
  assert_int_equal(processes_in(at.data()).front(), server);
  assert_int_equal(starts_in(at.log()), 1);
  for (attacher &one : all) one.detach();
  assert_gone(server);
}

void threads_of_one_process_attach_at_once(void **) {
  scene at;
  std::array<embedded_attachment, 8> attachments;
  std::array<std::string, 8> failures;
  std::vector<std::thread> threads;
  threads.reserve(attachments.size());
  for (size_t i = 0; i < attachments.size(); i++) {
    threads.emplace_back([&, i] {
      try {
        attachments[i] = attach_embedded(at.settings(), 60000);
      } catch (const failure &refused) {
        failures[i] = refused.message();
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  for (const std::string &text : failures) assert_string_equal(text.c_str(), "");
  assert_int_equal(starts_in(at.log()), 1);
  const pid_t server = server_pid(attachments[0].socket_path());
  for (size_t i = 1; i < attachments.size(); i++) attachments[i] = embedded_attachment();
  assert_int_equal(server_pid(attachments[0].socket_path()), server);
}

void it_ends_when_the_last_is_killed(void **) {
  scene at;
  attacher one(at.settings()), other(at.settings());
  one.attach();
  other.attach();
  const pid_t server = server_pid(socket_of(at)), supervisor = parent_of(server);
  one.kill();
  assert_int_equal(server_pid(socket_of(at)), server);
  other.kill();
  assert_gone(server);
  assert_gone(supervisor);
  assert_int_equal(access(socket_of(at).c_str(), F_OK), -1);
}

void it_survives_its_starter(void **) {
  scene at;
  attacher starter(at.settings()), other(at.settings());
  starter.attach();
  const pid_t server = server_pid(socket_of(at));
  other.attach();
  starter.kill();
  assert_string_equal(command(socket_of(at), "SET key value").c_str(), "OK");
  assert_int_equal(server_pid(socket_of(at)), server);
  other.detach();
  assert_gone(server);
}

void signals_of_the_starters_terminal_do_not_reach_it(void **) {
  scene at;
  attacher starter(at.settings(), 60000, [] { setpgid(0, 0); }), other(at.settings());
  starter.attach();
  other.attach();
  const pid_t server = server_pid(socket_of(at)), supervisor = parent_of(server);
  assert_int_not_equal(getsid(server), getsid(0));
  assert_int_equal(getsid(server), getsid(supervisor));
  assert_int_not_equal(getpgid(server), starter.pid());
  kill(-starter.pid(), SIGINT);
  kill(-starter.pid(), SIGHUP);
  assert_gone(starter.pid());
  assert_int_equal(server_pid(socket_of(at)), server);
  for (const int number : {SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE}) kill(supervisor, number);
  assert_int_equal(server_pid(socket_of(at)), server);
  other.detach();
  assert_gone(supervisor);
}

void a_forked_child_neither_keeps_the_server_nor_ends_it(void **) {
  scene at;
  std::array<int, 2> told{};
  assert_int_equal(pipe(told.data()), 0);
  watch_forks();
  const pid_t parent = fork();
  if (parent == 0) {
    embedded_attachment attachment;
    try {
      attachment = attach_embedded(at.settings(), 60000);
    } catch (const failure &refused) {
      test_die("%s", refused.what());
    }
    const pid_t child = fork();
    if (child == 0) {
      attachment.drop_inherited();
      attachment = embedded_attachment();
      const pid_t self = getpid();
      if (write(told[1], &self, sizeof(self)) < 0) _exit(1);
      for (;;) pause();
    }
    for (;;) pause();
  }
  pid_t child = 0;
  assert_int_equal(read(told[0], &child, sizeof(child)), sizeof(child));
  const pid_t server = server_pid(socket_of(at));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  assert_gone(server);
  assert_int_equal(kill(child, SIGKILL), 0);
  close(told[0]);
  close(told[1]);
}

void a_named_directory_is_durable_and_the_users_own_is_not(void **) {
  scene at;
  configuration settings = at.settings();
  settings.embedded_fsync = "everysec";
  {
    const embedded_attachment named = attach_embedded(settings, 60000);
    assert_string_equal(command(named.socket_path(), "CONFIG GET appendonly").c_str(), "[appendonly, yes]");
    assert_string_equal(command(named.socket_path(), "CONFIG GET appendfsync").c_str(), "[appendfsync, everysec]");
    assert_string_equal(command(named.socket_path(), "CONFIG GET save").c_str(), "[save, ]");
    assert_string_equal(command(named.socket_path(), "CONFIG GET port").c_str(), "[port, 0]");
    assert_contains(command(named.socket_path(), "DEBUG JMAP"), "DEBUG command not allowed");
    struct stat status{};
    assert_int_equal(stat(named.socket_path().c_str(), &status), 0);
    assert_int_equal(status.st_mode & 0777U, 0700);
    assert_int_equal(stat(at.data().c_str(), &status), 0);
    assert_int_equal(status.st_mode & 0777U, 0700);
  }
  assert_int_equal(setenv("XDG_RUNTIME_DIR", at.root().c_str(), 1), 0);
  settings.server.path = "";
  assert_string_equal(user_directory().c_str(), (at.root() + "/cachecore").c_str());
  pid_t server = 0;
  {
    const embedded_attachment own = attach_embedded(settings, 60000);
    assert_string_equal(own.socket_path().c_str(), (at.root() + "/cachecore/redis.sock").c_str());
    assert_string_equal(command(own.socket_path(), "CONFIG GET appendonly").c_str(), "[appendonly, no]");
    server = server_pid(own.socket_path());
  }
  assert_gone(server);
  unsetenv("XDG_RUNTIME_DIR");
  assert_string_equal(user_directory().c_str(), ("/tmp/cachecore-" + std::to_string(geteuid())).c_str());
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eight_processes_at_once_start_one_server),
      cmocka_unit_test(it_ends_when_the_last_is_killed),
      cmocka_unit_test(it_survives_its_starter),
      cmocka_unit_test(signals_of_the_starters_terminal_do_not_reach_it),
      cmocka_unit_test(a_forked_child_neither_keeps_the_server_nor_ends_it),
      cmocka_unit_test(a_named_directory_is_durable_and_the_users_own_is_not),
      cmocka_unit_test(threads_of_one_process_attach_at_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
