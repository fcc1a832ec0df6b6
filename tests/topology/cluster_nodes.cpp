#include "tests/topology/cluster_nodes.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "core/wire/command_table.h"
#include "tests/support/ports.h"
#include "tests/topology/redis_core.h"

namespace topology_test {
namespace {

void wait_until(const char *what, const std::function<bool()> &holds) {
  const auto call = [](void *context) { return (*static_cast<const std::function<bool()> *>(context))() ? 1 : 0; };
  if (!test_wait_until(call, const_cast<std::function<bool()> *>(&holds), test_patience_ms())) {
    test_die("the cluster: %s", what);
  }
}

std::vector<std::string> lines_of(const std::string &text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) out.push_back(line);
  }
  return out;
}

// What a node says of another (or itself) in a line of CLUSTER NODES.
struct node_line {
  std::string id, master;
  bool is_myself = false, is_master = false, is_replica = false, is_linked = false, has_slots = false;

  explicit node_line(const std::string &line) {
    std::istringstream fields(line);
    std::string address, flags, pinged, answered, epoch, link, slots;
    fields >> id >> address >> flags >> master >> pinged >> answered >> epoch >> link;
    has_slots = static_cast<bool>(fields >> slots);
    const auto flagged = [&](const char *flag) { return flags.find(flag) != std::string::npos; };
    is_myself = flagged("myself");
    is_master = flagged("master");
    is_replica = flagged("slave");
    is_linked = link == "connected" && !flagged("fail") && !flagged("handshake") && !flagged("noaddr");
  }

  // Whether that other says the same with ROLE: a master with slots, or a replica that has its master's data.
  [[nodiscard]] bool agrees_with(const std::string &role) const {
    if (role.starts_with("[master")) return is_master && has_slots;
    return is_replica && role.find("connected") != std::string::npos;
  }
};

}  // namespace

cluster_nodes::cluster_nodes(size_t masters, size_t replicas_each, const std::vector<std::string> &extra_args) {
  const size_t count = masters * (1 + replicas_each);
  std::vector<int> bus_ports;
  for (size_t i = 0; i < count; i++) {
    bus_ports.push_back(free_port());
    const std::string bus = std::to_string(bus_ports.back());
    std::vector<const char *> args = {"--cluster-enabled",
                                      "yes",
                                      "--cluster-config-file",
                                      "nodes.conf",
                                      "--cluster-node-timeout",
                                      "1000",
                                      "--cluster-port",
                                      bus.c_str(),
                                      "--cluster-require-full-coverage",
                                      "no",
                                      "--repl-diskless-sync-delay",
                                      "0",
                                      "--cluster-replica-validity-factor",
                                      "0"};
    for (const std::string &each : extra_args) args.push_back(each.c_str());
    args.push_back(nullptr);
    nodes_.push_back(test_server_start_tcp(nullptr, args.data()));
    ids_.push_back(ask(i, "CLUSTER MYID"));
  }
  for (size_t i = 0; i < count; i++) {
    order(i, "CLUSTER SET-CONFIG-EPOCH " + std::to_string(i + 1));
    if (i < masters) {
      const size_t first = i * 16'384 / masters;
      const size_t last = (i + 1) * 16'384 / masters - 1;
      order(i, "CLUSTER ADDSLOTSRANGE " + std::to_string(first) + " " + std::to_string(last));
    }
    for (size_t k = 0; k < i; k++) {
      order(i, "CLUSTER MEET 127.0.0.1 " + std::to_string(test_server_port(nodes_[k])) + " " +
                   std::to_string(bus_ports[k]));
    }
  }
  for (size_t i = masters; i < count; i++) {
    const std::string replicate = "CLUSTER REPLICATE " + ids_[(i - masters) % masters];
    wait_until("a replica does not find its master", [&] { return ask(i, replicate) == "OK"; });
  }
  wait_until_whole();
}

cluster_nodes::~cluster_nodes() {
  for (test_server *each : nodes_) {
    if (test_server_pid(each) != 0) test_server_kill(each);
    test_server_stop(each);
  }
}

std::string cluster_nodes::url(size_t seeds) const {
  std::string out = "redis+cluster://";
  for (size_t i = 0; i < (seeds == 0 ? nodes_.size() : seeds); i++) {
    out += (i > 0 ? "," : "") + std::string("127.0.0.1:") + std::to_string(test_server_port(nodes_[i]));
  }
  return out;
}

std::string cluster_nodes::ask(size_t index, const std::string &command) const {
  if (test_server_pid(nodes_[index]) == 0) return "(dead)";
  char *text = test_command_text_at(test_server_socket(nodes_[index]), command.c_str());
  std::string out(text);
  free(text);
  return out;
}

void cluster_nodes::order(size_t index, const std::string &command) const {
  const std::string came = ask(index, command);
  if (came != "OK") test_die("the cluster: node %zu: %s: %s", index, command.c_str(), came.c_str());
}

// A stopped process is no use to ask: it would answer when it goes on.
bool cluster_nodes::runs(size_t index) const {
  const pid_t pid = test_server_pid(nodes_[index]);
  if (pid == 0) return false;
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const size_t name_ends = text.rfind(')');
  return name_ends != std::string::npos && text.compare(name_ends, 3, ") T") != 0;
}

std::string cluster_nodes::id(size_t index) const { return ids_[index]; }

uint16_t cluster_nodes::slot_of(const std::string &key) { return cachecore_internal::key_slot(key); }

size_t cluster_nodes::master_of(uint16_t slot) const {
  for (size_t i = 0; i < nodes_.size(); i++) {
    if (!runs(i)) continue;
    const std::string self = ask(i, "ROLE");
    if (self.find("master") == std::string::npos) continue;
    for (const std::string &line : lines_of(ask(i, "CLUSTER NODES"))) {
      if (line.find("myself") == std::string::npos) continue;
      std::istringstream fields(line);
      std::string field;
      for (int skipped = 0; skipped < 8; skipped++) fields >> field;
      while (fields >> field) {
        if (field[0] == '[') continue;
        const size_t dash = field.find('-');
        const int first = static_cast<int>(integer_of(field));
        const int last = dash == std::string::npos ? first : static_cast<int>(integer_of(field.substr(dash + 1)));
        if (slot >= first && slot <= last) return i;
      }
    }
  }
  return SIZE_MAX;
}

void cluster_nodes::begin_move(uint16_t slot, size_t from, size_t to) const {
  const std::string number = std::to_string(slot);
  order(to, "CLUSTER SETSLOT " + number + " IMPORTING " + id(from));
  order(from, "CLUSTER SETSLOT " + number + " MIGRATING " + id(to));
}

void cluster_nodes::move_keys(uint16_t slot, size_t from, size_t to, size_t at_most) const {
  std::string keys = ask(from, "CLUSTER GETKEYSINSLOT " + std::to_string(slot) + " " + std::to_string(at_most));
  keys = keys.substr(1, keys.size() - 2);  // "[a, b]"
  std::replace(keys.begin(), keys.end(), ',', ' ');
  std::istringstream names(keys);
  for (std::string key; names >> key;) {
    const std::string came =
        ask(from, "MIGRATE 127.0.0.1 " + std::to_string(test_server_port(nodes_[to])) + " " + key + " 0 5000");
    if (came != "OK" && came != "NOKEY") test_die("the cluster: MIGRATE %s: %s", key.c_str(), came.c_str());
  }
}

void cluster_nodes::end_move(uint16_t slot, size_t from, size_t to) const {
  const std::string command = "CLUSTER SETSLOT " + std::to_string(slot) + " NODE " + id(to);
  order(to, command);
  order(from, command);
}

bool cluster_nodes::is_whole() const {
  std::map<std::string, std::string> roles;  // of those that run, by their ids
  for (size_t i = 0; i < nodes_.size(); i++) {
    if (runs(i)) roles[id(i)] = ask(i, "ROLE");
  }
  std::map<std::string, std::ptrdiff_t> replicas;  // by their master's id
  for (size_t i = 0; i < nodes_.size(); i++) {
    if (!runs(i)) continue;
    const std::string info = ask(i, "CLUSTER INFO");
    if (info.find("cluster_state:ok") == std::string::npos) return false;
    if (info.find("cluster_slots_ok:16384") == std::string::npos) return false;
    if (info.find("cluster_slots_fail:0") == std::string::npos) return false;
    size_t agreed = 0;
    for (const std::string &line : lines_of(ask(i, "CLUSTER NODES"))) {
      const node_line said(line);
      const auto self = roles.find(said.id);
      if (self == roles.end()) continue;
      if (!said.is_linked || !said.agrees_with(self->second)) return false;
      if (!said.is_master && roles.count(said.master) == 0) return false;
      if (said.is_myself && !said.is_master) replicas[said.master]++;
      agreed++;
    }
    if (agreed != roles.size()) return false;
  }
  // And what a replica says of its master, the master says of it.
  return std::all_of(roles.begin(), roles.end(), [&](const auto &each) {
    // [master, offset, [[host, port, offset], ...]]
    return !each.second.starts_with("[master") ||
           std::count(each.second.begin(), each.second.end(), '[') - 2 == replicas[each.first];
  });
}

void cluster_nodes::wait_until_whole() const {
  wait_until("not all slots are served", [this] { return is_whole(); });
}

void cluster_nodes::wait_until_moved(uint16_t slot, size_t failed) const {
  wait_until("no replica took over", [&] {
    const size_t now = master_of(slot);
    return now != SIZE_MAX && now != failed;
  });
}

void cluster_nodes::hold_writes(size_t index) const {
  (void)ask(index, "CLIENT PAUSE 60000 WRITE");
  wait_until("a replica does not catch up", [&] {
    // [master, offset, [[host, port, offset]]]
    std::string role = ask(index, "ROLE");
    std::replace(role.begin(), role.end(), ',', ' ');
    std::replace(role.begin(), role.end(), '[', ' ');
    std::replace(role.begin(), role.end(), ']', ' ');
    std::istringstream fields(role);
    std::string kind, host, port, theirs, ours;
    fields >> kind >> ours;
    if (kind != "master") return false;
    bool any = false;
    while (fields >> host >> port >> theirs) {
      if (theirs != ours) return false;
      any = true;
    }
    return any;
  });
}

}  // namespace topology_test
