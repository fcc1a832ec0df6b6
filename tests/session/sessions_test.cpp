// What one caller sees of sessions, and what they leave in Redis.

#include "groups.h"

int main() {
  return session_test::life_tests() + session_test::renewal_tests() + session_test::storage_tests() +
         session_test::plain_tests();
}
