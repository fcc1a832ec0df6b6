// tests.h: the tests of a program that is made of several files: each file gives its own.
#pragma once

#include <vector>

#include "lock_core.h"
#include "tests/support/unit.h"

namespace lock_test {

// The program's server; every test begins with it empty.
extern test_server *server;
int empty(void **state);

std::vector<CMUnitTest> methods_tests();
std::vector<CMUnitTest> modes_tests();
std::vector<CMUnitTest> refusals_tests();
std::vector<CMUnitTest> waiting_tests();
std::vector<CMUnitTest> renewal_tests();

int run_all(const char *name, const std::vector<std::vector<CMUnitTest>> &parts);

}  // namespace lock_test
