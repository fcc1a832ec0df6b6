// Everything may die, or vanish, at any time: the next attach finds or makes a server, and what was acknowledged is
// there.
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/topology/supervisor/protocol.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"
#include "tests/topology/embedded_fixture.h"

namespace {

using namespace embedded_test;

constexpr int64_t patience_ms = 60000;

std::string socket_of(const scene &at) { return at.data() + "/redis.sock"; }

// Whether the supervisor holds `attached` for itself: it has begun to end.
bool ending(const scene &at) {
  const int file = open((at.data() + "/attached").c_str(), O_RDWR | O_CLOEXEC);
  const bool taken = flock(file, LOCK_SH | LOCK_NB) != 0;
  close(file);
  return taken;
}

void a_killed_server_is_started_again_with_all_that_was_acknowledged(void **) {
  scene at;
  embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const std::string socket = attachment.socket_path();
  const pid_t server = server_pid(socket), supervisor = parent_of(server);
  for (int i = 0; i < 200; i++) {
    assert_string_equal(command(socket, "SET key:%s acknowledged", std::to_string(i).c_str()).c_str(), "OK");
  }
  kill(server, SIGKILL);
  assert_gone(server);
  attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t next = server_pid(socket);
  assert_int_not_equal(next, server);
  assert_int_equal(parent_of(next), supervisor);
  assert_string_equal(command(socket, "DBSIZE").c_str(), "200");
  assert_contains(at.log(), "redis-server " + std::to_string(server) + " ended after");
  assert_contains(at.log(), "signal 9 (Killed)");
}

// The server is killed in the middle of writing a transaction; what is acknowledged after its return must not be taken
// for a part of that, neither now nor after the next kill.
void what_is_acknowledged_behind_a_torn_transaction_stays(void **) {
  scene at;
  embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const std::string socket = attachment.socket_path();
  assert_string_equal(command(socket, "SET before acknowledged").c_str(), "OK");
  const pid_t server = server_pid(socket);
  const pid_t supervisor = parent_of(server);
  stop(supervisor);  // it starts no other before the log is torn
  kill(server, SIGKILL);
  wait_until([&] { return status_field(server, "State").front() == 'Z'; });
  std::string log;
  for (const auto &each : std::filesystem::directory_iterator(at.data() + "/appendonlydir")) {
    if (each.path().string().ends_with(".incr.aof")) log = each.path();
  }
  std::ofstream(log, std::ios::app | std::ios::binary)
      << "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$4\r\nto";
  kill(supervisor, SIGCONT);
  for (const char *key : {"first", "second"}) {
    attachment = attach_embedded(at.settings(), patience_ms);
    assert_string_equal(command(socket, "GET before").c_str(), "acknowledged");
    assert_string_equal(command(socket, "EXISTS torn").c_str(), "0");
    assert_string_equal(command(socket, "SET %s acknowledged", key).c_str(), "OK");
    const pid_t next = server_pid(socket);
    kill(next, SIGKILL);
    assert_gone(next);
  }
  attachment = attach_embedded(at.settings(), patience_ms);
  assert_string_equal(command(socket, "EXISTS before first second").c_str(), "3");
  assert_string_equal(command(socket, "EXISTS torn").c_str(), "0");
}

void the_server_comes_back_without_anybody_asking(void **) {
  scene at;
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t server = server_pid(attachment.socket_path());
  assert_string_equal(command(attachment.socket_path(), "SET key value").c_str(), "OK");
  // SHUTDOWN as a client may send it, rather than a kill.
  redisReply *reply = test_try_command_at(attachment.socket_path().c_str(), "SHUTDOWN");
  if (reply != nullptr) freeReplyObject(reply);
  assert_gone(server);
  wait_until([&] {
    redisReply *found = test_try_command_at(attachment.socket_path().c_str(), "GET key");
    const bool there = found != nullptr && found->type == REDIS_REPLY_STRING && std::string(found->str) == "value";
    if (found != nullptr) freeReplyObject(found);
    return there;
  });
}

void a_killed_supervisor_takes_its_server_along_and_is_replaced(void **) {
  scene at;
  attacher other(at.settings());
  other.attach();
  embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const std::string socket = attachment.socket_path();
  const pid_t server = server_pid(socket), supervisor = parent_of(server);
  assert_string_equal(command(socket, "SET key value").c_str(), "OK");
  kill(supervisor, SIGKILL);
  assert_gone(supervisor);
  assert_gone(server);
  assert_int_equal(access(socket.c_str(), F_OK), 0);  // a stale socket
  attachment = attach_embedded(at.settings(), patience_ms);
  assert_int_not_equal(server_pid(socket), server);
  assert_string_equal(command(socket, "GET key").c_str(), "value");
  const pid_t next = server_pid(socket);
  other.detach();
  assert_int_equal(server_pid(socket), next);
  attachment = embedded_attachment();
  assert_gone(next);
}

void several_processes_revive_it_at_once(void **) {
  scene at;
  std::vector<attacher> all;
  all.reserve(6);
  for (int i = 0; i < 6; i++) all.emplace_back(at.settings());
  embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t server = server_pid(socket_of(at));
  kill(parent_of(server), SIGKILL);  // not waited for: its server may be dying yet
  for (const attacher &one : all) one.go();
  for (attacher &one : all) assert_string_equal(one.outcome().c_str(), "");
  assert_gone(server);
  attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t next = server_pid(socket_of(at));
  assert_int_not_equal(next, server);
  assert_int_equal(processes_in(at.data()).size(), 1);
}

void a_supervisor_asked_to_end_ends_in_order_and_is_replaced(void **) {
  scene at;
  embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t server = server_pid(socket_of(at)), supervisor = parent_of(server);
  assert_string_equal(command(socket_of(at), "SET key value").c_str(), "OK");
  kill(supervisor, SIGTERM);
  assert_gone(supervisor);
  assert_gone(server);
  assert_int_equal(access(socket_of(at).c_str(), F_OK), -1);
  attachment = attach_embedded(at.settings(), patience_ms);
  assert_string_equal(command(socket_of(at), "GET key").c_str(), "value");
}

void who_comes_while_it_ends_waits_and_starts_anew(void **) {
  scene at;
  attacher first(at.settings()), second(at.settings());
  first.attach();
  const pid_t server = server_pid(socket_of(at));
  assert_string_equal(command(socket_of(at), "SET key value").c_str(), "OK");
  // A script keeps the server from ending until it is killed, which DEBUG-less servers allow while it has written
  // nothing.
  std::thread script([&] {
    redisReply *reply = test_try_command_at(socket_of(at).c_str(), "EVAL %s 0", "while true do end");
    if (reply != nullptr) freeReplyObject(reply);
  });
  wait_until([&] { return command(socket_of(at), "PING").starts_with("(error) BUSY"); });
  first.kill();
  wait_until([&] { return ending(at); });
  configuration settings = at.settings();
  const failure late = refusal(settings, 50);
  assert_int_equal(late.status(), CACHECORE_TIMEOUT);
  assert_contains(late.message(), "its server is ending");
  second.go();
  assert_string_equal(command(socket_of(at), "SCRIPT KILL").c_str(), "OK");
  script.join();
  assert_string_equal(second.outcome().c_str(), "");
  assert_gone(server);
  assert_int_not_equal(server_pid(socket_of(at)), server);
  assert_string_equal(command(socket_of(at), "GET key").c_str(), "value");
}

// The supervisor is stopped, so that it cannot have noticed that the last one has gone.
void who_comes_before_it_notices_keeps_the_server(void **) {
  scene at;
  attacher first(at.settings()), second(at.settings());
  first.attach();
  const pid_t server = server_pid(socket_of(at)), supervisor = parent_of(server);
  stop(supervisor);
  first.kill();
  second.attach();
  kill(supervisor, SIGCONT);
  wait_until([&] { return status_field(supervisor, "State")[0] == 'S'; });
  assert_int_equal(server_pid(socket_of(at)), server);
  second.detach();
  assert_gone(server);
}

void attaching_and_leaving_at_random_always_finds_a_server(void **) {
  scene at;
  std::array<std::string, 3> failures;
  std::vector<std::thread> threads;
  threads.reserve(failures.size());
  for (std::string &wrong : failures) {
    threads.emplace_back([&] {
      for (int round = 0; round < 15 && wrong.empty(); round++) {
        try {
          const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
          redisReply *reply = test_try_command_at(attachment.socket_path().c_str(), "PING");
          if (reply == nullptr || std::string(reply->str) != "PONG") wrong = "no PONG";
          if (reply != nullptr) freeReplyObject(reply);
        } catch (const failure &refused) {
          wrong = refused.message();
        }
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  for (const std::string &text : failures) assert_string_equal(text.c_str(), "");
}

void starters_killed_at_any_moment_leave_nothing_behind(void **) {
  scene at;
  for (unsigned round = 0; round < 20; round++) {
    attacher victim(at.settings());
    victim.go();
    // Anywhere in the start, which takes some ten milliseconds.
    usleep(round * 1000);
    victim.kill();
  }
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  assert_int_equal(processes_in(at.data()).size(), 1);
}

void a_removed_socket_is_made_again(void **) {
  scene at;
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t server = server_pid(socket_of(at));
  assert_string_equal(command(socket_of(at), "SET key value").c_str(), "OK");
  assert_int_equal(unlink(socket_of(at).c_str()), 0);
  assert_gone(server);
  attacher other(at.settings());
  other.attach();
  assert_string_equal(command(socket_of(at), "GET key").c_str(), "value");
}

void a_deleted_directory_is_another_server(void **) {
  scene at;
  embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t server = server_pid(socket_of(at));
  assert_string_equal(command(socket_of(at), "SET key value").c_str(), "OK");
  assert_int_equal(system(("rm -rf '" + at.data() + "'").c_str()), 0);
  assert_gone(server);
  attachment = attach_embedded(at.settings(), patience_ms);
  assert_string_equal(command(socket_of(at), "GET key").c_str(), "(nil)");
}

void a_cleared_directory_is_another_server(void **) {
  scene at;
  embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  const pid_t server = server_pid(socket_of(at));
  assert_int_equal(system(("rm -rf '" + at.data() + "'/*").c_str()), 0);
  attachment = attach_embedded(at.settings(), patience_ms);
  assert_gone(server);
  // The old one's end has not taken the new one's socket along.
  const pid_t next = server_pid(socket_of(at));
  assert_int_equal(processes_in(at.data()).front(), next);
}

void a_server_that_never_starts_is_reported_with_its_last_words(void **) {
  scene at;
  const std::string program = at.root() + "/no-server";
  const int file = open(program.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  const std::string text = "#!/bin/sh\necho cannot find my data\nexit 3\n";
  assert_int_equal(write(file, text.data(), text.size()), text.size());
  close(file);
  configuration settings = at.settings();
  settings.redis_server = program;
  for (int round = 0; round < 2; round++) {
    const failure refused = refusal(settings);
    assert_int_equal(refused.status(), CACHECORE_UNAVAILABLE);
    assert_contains(refused.message(),
                    "redis-server ended 6 times in a row right after its start, at last with exit code 3");
    assert_contains(refused.message(), "cannot find my data");
  }
  const embedded_attachment attachment = attach_embedded(at.settings(), patience_ms);
  assert_true(server_pid(attachment.socket_path()) > 0);
}

void a_server_too_slow_to_start_is_reported(void **) {
  scene at;
  const std::string program = at.root() + "/slow-server";
  const int file = open(program.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  const std::string text = "#!/bin/sh\necho thinking about it\nexec sleep 1000\n";
  assert_int_equal(write(file, text.data(), text.size()), text.size());
  close(file);
  configuration settings = at.settings();
  settings.redis_server = program;
  const failure refused = refusal(settings, 1000);
  assert_int_equal(refused.status(), CACHECORE_UNAVAILABLE);
  assert_contains(refused.message(), "did not start in time: thinking about it");
  wait_until([&] { return processes_in(at.data()).empty(); });
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_killed_server_is_started_again_with_all_that_was_acknowledged),
      cmocka_unit_test(what_is_acknowledged_behind_a_torn_transaction_stays),
      cmocka_unit_test(the_server_comes_back_without_anybody_asking),
      cmocka_unit_test(a_killed_supervisor_takes_its_server_along_and_is_replaced),
      cmocka_unit_test(several_processes_revive_it_at_once),
      cmocka_unit_test(a_supervisor_asked_to_end_ends_in_order_and_is_replaced),
      cmocka_unit_test(who_comes_while_it_ends_waits_and_starts_anew),
      cmocka_unit_test(who_comes_before_it_notices_keeps_the_server),
      cmocka_unit_test(starters_killed_at_any_moment_leave_nothing_behind),
      cmocka_unit_test(attaching_and_leaving_at_random_always_finds_a_server),
      cmocka_unit_test(a_removed_socket_is_made_again),
      cmocka_unit_test(a_deleted_directory_is_another_server),
      cmocka_unit_test(a_cleared_directory_is_another_server),
      cmocka_unit_test(a_server_that_never_starts_is_reported_with_its_last_words),
      cmocka_unit_test(a_server_too_slow_to_start_is_reported),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
