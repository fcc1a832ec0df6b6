#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leftovers.h"
#include "support.h"

char *test_directory(void) {
  char *path = test_format("/tmp/cachecore-test-XXXXXX");
  if (mkdtemp(path) == NULL) test_die("mkdtemp(%s): %s", path, strerror(errno));
  leftover_directory_add(path);
  return path;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where) {
  (void)status;
  (void)kind;
  (void)where;
  remove(path);
  return 0;
}

void test_directory_remove(char *path) {
  if (path == NULL) return;
  /* A server on its way out may still add a file behind the walk, so once is not always enough. */
  for (int attempt = 0; attempt < 10 && access(path, F_OK) == 0; attempt++) {
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  }
  leftover_directory_remove(path);
  free(path);
}
