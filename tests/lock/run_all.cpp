#include "tests.h"

namespace lock_test {

test_server *server;

namespace {

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  return 0;
}

int stop(void **) {
  test_server_stop(server);
  return 0;
}

}  // namespace

int empty(void **) {
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

int run_all(const char *name, const std::vector<std::vector<CMUnitTest>> &parts) {
  std::vector<CMUnitTest> all;
  for (const auto &part : parts) all.insert(all.end(), part.begin(), part.end());
  return _cmocka_run_group_tests(name, all.data(), all.size(), start, stop);
}

}  // namespace lock_test
