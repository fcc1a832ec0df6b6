// What several callers at once see of sessions, and what becomes of a caller that has gone.

#include "groups.h"

int main() { return session_test::races_tests() + session_test::grants_tests(); }
