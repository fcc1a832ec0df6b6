// line_faults.h: what can go wrong with the line to a server, as settings of a proxy.
//
// Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tests/support/support.h"

namespace faults_test {

struct line_fault {
  const char *name;
  std::function<void(test_proxy *)> begin;
  bool fresh = false;         // on before the core makes its first connection
  bool garbles = false;       // the server may answer what was never asked of it, with an error
  int64_t patience_ms = 150;  // of a call
};

// `greeting` is the size of a server's replies to the first words of a connection.
std::vector<line_fault> line_faults(int64_t greeting);

}  // namespace faults_test
