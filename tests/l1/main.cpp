// main.cpp: the tests that need one thread.
#include "copies.h"

int main() {
  using namespace l1_test;
  return near_cache_tests() + memory_tests() + eviction_tests() + simulate_tests() == 0 ? 0 : 1;
}
