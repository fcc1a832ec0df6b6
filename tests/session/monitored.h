// monitored.h: every command that a server executes while this exists, as MONITOR shows it.
//
// Thread rule: the test's thread.
#pragma once

#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <vector>

#include "session_core.h"

namespace session_test {

class monitored {
 public:
  explicit monitored(const test_server *server);

  // The words of the commands so far, those of scripts included.
  [[nodiscard]] std::vector<std::vector<std::string>> commands();

 private:
  const test_server *server_;
  std::unique_ptr<redisContext, decltype(&redisFree)> line_;
};

// Runs a command of these words; its reply as text.
std::string run(const test_server *server, const std::vector<std::string> &words);

}  // namespace session_test
