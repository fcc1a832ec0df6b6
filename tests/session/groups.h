// groups.h: the groups of tests, of which one program runs several. Each returns how many tests failed.
#pragma once

namespace session_test {

int life_tests();
int renewal_tests();
int storage_tests();
int plain_tests();
int races_tests();
int grants_tests();

}  // namespace session_test
