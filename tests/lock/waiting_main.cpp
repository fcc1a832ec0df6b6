// The program of those who wait.
#include "tests.h"

int main() {
  using namespace lock_test;
  return run_all("lock waiting", {waiting_tests()});
}
