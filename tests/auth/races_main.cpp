// One program for what needs threads or faults.

#include "auth_core.h"
#include "groups.h"

int main() {
  const int failed = run_races() + run_undo();
  auth_test::stop_shared_server(nullptr);
  return failed;
}
