// cluster_nodes.h: a real Redis Cluster of real processes, made and ended by the test.
//
// Node i is master i of the slots [i, i+1) * 16384 / masters as long as nothing fails over; node masters + i is a
// replica of master i modulo masters.
//
// Thread rule: the main thread, except where it says otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace topology_test {

class cluster_nodes {
 public:
  // `extra_args` as test_server_start, for every node.
  explicit cluster_nodes(size_t masters = 3, size_t replicas_each = 1, const std::vector<std::string> &extra_args = {});
  ~cluster_nodes();
  cluster_nodes(const cluster_nodes &) = delete;
  cluster_nodes &operator=(const cluster_nodes &) = delete;

  // redis+cluster:// with the first `seeds` nodes (0: all). [any thread]
  [[nodiscard]] std::string url(size_t seeds = 0) const;
  [[nodiscard]] size_t size() const { return nodes_.size(); }
  [[nodiscard]] test_server *node(size_t index) const { return nodes_[index]; }

  // A raw command to one node, its reply as text. Waits while the node is stopped. [any thread]
  [[nodiscard]] std::string ask(size_t index, const std::string &command) const;

  // Who serves the slot, asked of the nodes that run; SIZE_MAX: none of them. [any thread]
  [[nodiscard]] size_t master_of(uint16_t slot) const;
  [[nodiscard]] static uint16_t slot_of(const std::string &key);

  // A slot's way from one master to another. Between begin and end it is in two places: keys that are already moved
  // answer ASK at the old one.
  void begin_move(uint16_t slot, size_t from, size_t to) const;
  void move_keys(uint16_t slot, size_t from, size_t to, size_t at_most) const;
  void end_move(uint16_t slot, size_t from, size_t to) const;

  // Returns when the nodes that run agree that all slots are served, on who is a master and who replicates whom, and
  // every replica among them is connected to its master.
  void wait_until_whole() const;
  // Returns when a node other than `failed` serves `slot`.
  void wait_until_moved(uint16_t slot, size_t failed) const;
  // Keeps writes of a master waiting, and returns when its replicas have all there is.
  void hold_writes(size_t index) const;

 private:
  // A command whose answer has to be OK.
  void order(size_t index, const std::string &command) const;
  [[nodiscard]] bool runs(size_t index) const;
  [[nodiscard]] bool is_whole() const;
  [[nodiscard]] std::string id(size_t index) const;

  std::vector<test_server *> nodes_;
  std::vector<std::string> ids_;
};

}  // namespace topology_test
