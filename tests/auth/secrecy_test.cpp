// What a token leaves behind: nothing, in what the server is told, keeps and logs, and in what the core logs and
// answers.

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "auth_core.h"
#include "groups.h"
#include "tests/support/unit.h"

using namespace auth_test;

namespace {

std::string file_at(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// A connection that hears what the server is told.
class monitor {
 public:
  explicit monitor(const test_server *server) : context_(redisConnectUnix(test_server_socket(server))) {
    freeReplyObject(redisCommand(context_, "MONITOR"));
  }
  ~monitor() { redisFree(context_); }
  monitor(const monitor &) = delete;
  monitor &operator=(const monitor &) = delete;

  // All lines up to the one that has `last` in it.
  std::string heard(const std::string &last) {
    std::string all;
    for (;;) {
      void *reply = nullptr;
      if (redisGetReply(context_, &reply) != REDIS_OK) test_die("MONITOR ended");
      const std::string line(static_cast<redisReply *>(reply)->str);
      freeReplyObject(reply);
      all += line + "\n";
      if (line.find(last) != std::string::npos) return all;
    }
  }

 private:
  redisContext *context_;
};

// The part of a token that is secret and not in its beginning, which all of a user share.
std::vector<std::string> secrets_in(const std::vector<std::string> &tokens) {
  std::vector<std::string> secrets;
  for (const std::string &token : tokens) {
    for (size_t at = token.size() < 40 ? 0 : 10; at + 12 <= token.size(); at += 12)
      secrets.push_back(token.substr(at, 12));
  }
  return secrets;
}

void no_part_of_a_token_is_left_anywhere(void ** /*state*/) {
  char *directory = test_directory();
  char *log = test_format("%s/server.log", directory);
  const char *const args[] = {
      "--slowlog-log-slower-than", "0", "--slowlog-max-len", "4096", "--loglevel", "debug", "--logfile", log, nullptr};
  test_server *server = test_server_start(directory, args);
  std::vector<std::string> tokens = {"a-token-that-its-caller-made"};
  std::string said;
  {
    const auth_core core(test_server_url(server), {R"({"rotation_grace_ms": 60000})"});
    monitor listening(server);
    const auto note = [&](const outcome &made) {
      for (const char *name : {"token", "refresh_token"}) {
        if (made.fields.contains(name)) tokens.push_back(made[name]);
      }
    };
    note(core.ok("issue", {text("ada"), text("m"), nil(), text("phone")}));
    note(core.ok("issue", {text("ada"), nil(), nil(), nil(), nil(), nil(), text(tokens[0])}));
    note(core.ok("issue_pair", {text("ada")}));
    const std::string refresh = tokens.back();
    note(core.rotate(refresh));
    note(core.rotate(refresh));
    // Errors of all kinds, with tokens in hand.
    const size_t good = tokens.size();
    for (size_t i = 0; i < good; i++) {
      const std::string &token = tokens[i];
      core.verify(token);
      const std::string broken = token.substr(0, token.size() - 1) + "!";
      for (const char *method : {"verify", "rotate", "revoke"})
        said += core.call(method, {text(broken)}).message + "\n";
      said += core.call("expire", {text(token), number(0)}).message + "\n";
      said += core.call("verify", {cachecore_int(5)}).message + "\n";
      said += core.call("verify", {text(token), text(token)}).message + "\n";
      said += core.call("issue", {text("bob"), nil(), nil(), nil(), nil(), nil(), text(token)}).message + "\n";
      said += core.call("issue", {text("bob"), nil(), nil(), nil(), nil(), text(token)}).message + "\n";
      core.ok("expire", {text(token), number(500'000)});
    }
    core.ok("revoke_all", {text("ada"), text(tokens[0])});
    for (const std::string &token : tokens) core.rotate(token);
    free(test_command_text(server, "PING the-end"));
    said += listening.heard("the-end");
    said += core.ok("list", {text("ada")}).answer;
    said += redis(server, "SLOWLOG GET 4096");
    redis(server, "SAVE");
    test_server_kill(server);
    for (const std::string &token : tokens) {
      said += core.call("verify", {text(token)}, 50).message + "\n";
      said += core.call("revoke", {text(token)}, 50).message + "\n";
      said += core.call("rotate", {text(token)}, 50).message + "\n";
    }
    said += core.logged();
  }
  said += file_at(log);
  const std::string dump = file_at(std::string(directory) + "/dump.rdb");
  assert_true(dump.size() > 100);
  assert_contains(said, "ada");
  for (const std::string &secret : secrets_in(tokens)) {
    assert_true(said.find(secret) == std::string::npos);
    assert_true(dump.find(secret) == std::string::npos);
  }
  test_server_stop(server);
  free(log);
  test_directory_remove(directory);
}

}  // namespace

int run_secrecy() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_part_of_a_token_is_left_anywhere),
  };
  return cmocka_run_group_tests_name("secrecy", tests, nullptr, nullptr);
}
