// The program of what single calls do, and of leases that go on.
#include "tests.h"

int main() {
  using namespace lock_test;
  return run_all("lock methods", {methods_tests(), modes_tests(), refusals_tests(), renewal_tests()});
}
