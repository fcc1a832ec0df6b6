// report.h: a row's figures, as a line of a table and as JSON.
#pragma once

#include <string>
#include <vector>

#include "bench.h"

namespace bench {

// Medians of the rounds.
struct figures {
  std::string name;
  std::string peer_name;
  std::string unit;
  double ours = 0;
  double peer = 0;  // or the budget
  double ratio = 0;
  double spread = 0;
  double target = 0;
  size_t rounds = 0;
  bool pinned = false;
  // Microseconds of CPU an operation, and of the slowest hundredth; 0: not measured.
  double our_client_us = 0, peer_client_us = 0;
  double our_server_us = 0, peer_server_us = 0;
  double our_p99_us = 0, peer_p99_us = 0;
};

figures sum_up(const row &measured, const std::vector<sample> &ours, const std::vector<sample> &peers);

void print_head();
void print(const figures &row);
// False: the file cannot be written.
bool write_json(const std::string &path, const std::vector<figures> &rows);

}  // namespace bench
