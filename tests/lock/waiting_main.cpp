// The program of those who wait, and of leases that go on.
#include "tests.h"

int main() {
  using namespace lock_test;
  return run_all("lock waiting", {waiting_tests(), renewal_tests()});
}
