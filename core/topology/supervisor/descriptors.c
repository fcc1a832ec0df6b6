#include "descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void close_above(int last) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0) == 0) return;
#endif
  DIR *open_ones = opendir("/proc/self/fd");
  if (open_ones == NULL) return;
  const struct dirent *entry = NULL;
  while ((entry = readdir(open_ones)) != NULL) {
    int descriptor = (int)strtol(entry->d_name, NULL, 10);
    if (descriptor > last && descriptor != dirfd(open_ones)) close(descriptor);
  }
  closedir(open_ones);
}

void isolate(int last) {
  struct sigaction by_default;
  memset(&by_default, 0, sizeof(by_default));
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; number++) sigaction(number, &by_default, NULL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  close_above(last);
  for (int descriptor = 3; descriptor <= last; descriptor++) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  umask(077);
  if (chdir("/") != 0) _exit(1);
}
