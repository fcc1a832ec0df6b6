#include "tests/topology/sentinel_nodes.h"

#include <cstdlib>
#include <fstream>
#include <functional>

namespace topology_test {
namespace {

void wait_until(const char *what, const std::function<bool()> &holds) {
  const auto call = [](void *context) { return (*static_cast<const std::function<bool()> *>(context))() ? 1 : 0; };
  if (!test_wait_until(call, const_cast<std::function<bool()> *>(&holds), test_patience_ms())) {
    test_die("the sentinels: %s", what);
  }
}

std::string ask(const test_server *server, const std::string &command) {
  char *text = test_command_text(server, command.c_str());
  std::string out(text);
  free(text);
  return out;
}

test_server *start(const std::vector<std::string> &args) {
  std::vector<const char *> words;
  words.reserve(args.size() + 1);
  for (const std::string &each : args) words.push_back(each.c_str());
  words.push_back(nullptr);
  return test_server_start_tcp(nullptr, words.data());
}

}  // namespace

sentinel_nodes::sentinel_nodes(size_t replicas, size_t sentinels, const std::vector<std::string> &server_args,
                               const std::vector<std::string> &sentinel_lines) {
  servers_.push_back(start(server_args));
  const std::string master = "127.0.0.1 " + std::to_string(test_server_port(servers_[0]));
  for (size_t i = 0; i < replicas; i++) {
    std::vector<std::string> args = server_args;
    for (const char *each : {"--replicaof", master.c_str(), "--repl-diskless-sync-delay", "0"}) args.emplace_back(each);
    servers_.push_back(start(args));
  }
  for (size_t i = 0; i < sentinels; i++) {
    char *directory = test_directory();
    const std::string path = std::string(directory) + "/sentinel.conf";
    std::ofstream file(path);
    file << "sentinel monitor mymaster " << master << " " << sentinels / 2 + 1 << "\n"
         << "sentinel down-after-milliseconds mymaster 60000\n"
         << "sentinel failover-timeout mymaster 4000\n";
    for (const std::string &line : sentinel_lines) file << line << "\n";
    file.close();
    directories_.push_back(directory);
    sentinels_.push_back(start({path, "--sentinel"}));
  }
  wait_until("they do not find each other and the replicas", [&] {
    for (const test_server *each : sentinels_) {
      const std::string known = ask(each, "SENTINEL MASTER mymaster");
      if (known.find("num-slaves, " + std::to_string(replicas)) == std::string::npos) return false;
      if (known.find("num-other-sentinels, " + std::to_string(sentinels - 1)) == std::string::npos) return false;
    }
    return true;
  });
}

void sentinel_nodes::believe_dead_after(int64_t milliseconds) const {
  for (const test_server *each : sentinels_) {
    const std::string said = ask(each, "SENTINEL SET mymaster down-after-milliseconds " + std::to_string(milliseconds));
    if (said != "OK") test_die("a sentinel: %s", said.c_str());
  }
}

sentinel_nodes::~sentinel_nodes() {
  for (auto *list : {&sentinels_, &servers_}) {
    for (test_server *each : *list) {
      test_server_kill(each);
      test_server_stop(each);
    }
  }
  for (char *each : directories_) test_directory_remove(each);
}

std::string sentinel_nodes::url(const std::string &credentials) const {
  std::string out = "redis+sentinel://" + credentials;
  for (size_t i = 0; i < sentinels_.size(); i++) {
    out += (i > 0 ? "," : "") + std::string("127.0.0.1:") + std::to_string(test_server_port(sentinels_[i]));
  }
  return out + "/mymaster/0";
}

size_t sentinel_nodes::master() const {
  std::string agreed;
  for (const test_server *each : sentinels_) {
    if (test_server_pid(each) == 0) continue;
    const std::string said = ask(each, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster");
    if (!agreed.empty() && said != agreed) return SIZE_MAX;
    agreed = said;
  }
  for (size_t i = 0; i < servers_.size(); i++) {
    if (agreed != "[127.0.0.1, " + std::to_string(test_server_port(servers_[i])) + "]") continue;
    if (test_server_pid(servers_[i]) == 0) return SIZE_MAX;
    return i;
  }
  return SIZE_MAX;
}

void sentinel_nodes::wait_until_switched(size_t from) const {
  wait_until("they do not agree on another master", [&] {
    const size_t now = master();
    return now != SIZE_MAX && now != from && ask(servers_[now], "ROLE").starts_with("[master");
  });
}

}  // namespace topology_test
