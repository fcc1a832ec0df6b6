// One program for the groups that need a server and one thread: linking it is what takes time.

#include "auth_core.h"
#include "groups.h"

int main() {
  int failed = 0;
  for (int (*group)() : {run_tokens, run_pairs, run_attempts, run_settings, run_migration, run_secrecy, run_memory}) {
    failed += group();
  }
  auth_test::stop_shared_server(nullptr);
  return failed;
}
