#include "leftovers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

enum { most_processes = 256, most_directories = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t owner;
static pid_t processes[most_processes];
static char *directories[most_directories];

static void remove_all(void) {
  if (owner != getpid()) return;
  for (int i = 0; i < most_processes; i++) {
    if (processes[i] == 0) continue;
    kill(processes[i], SIGKILL);
    waitpid(processes[i], NULL, 0);
  }
  for (int i = 0; i < most_directories; i++) {
    if (directories[i] != NULL) test_directory_remove(directories[i]);
  }
}

/* Under the lock. A forked child starts with an empty list of its own. */
static void adopt(void) {
  static int registered;
  if (owner == getpid()) return;
  memset(processes, 0, sizeof(processes));
  memset(directories, 0, sizeof(directories));
  owner = getpid();
  if (!registered && atexit(remove_all) != 0) test_die("atexit failed");
  registered = 1;
}

static void replace_process(pid_t from, pid_t to) {
  pthread_mutex_lock(&lock);
  adopt();
  int at = 0;
  while (at < most_processes && processes[at] != from) at++;
  if (at < most_processes) processes[at] = to;
  pthread_mutex_unlock(&lock);
  if (at == most_processes && from == 0) test_die("more than %d servers at once", most_processes);
}

void leftover_process_add(pid_t pid) { replace_process(0, pid); }

void leftover_process_remove(pid_t pid) { replace_process(pid, 0); }

void leftover_directory_add(char *path) {
  pthread_mutex_lock(&lock);
  adopt();
  int at = 0;
  while (at < most_directories && directories[at] != NULL) at++;
  if (at < most_directories) directories[at] = path;
  pthread_mutex_unlock(&lock);
  if (at == most_directories) test_die("more than %d directories at once", most_directories);
}

void leftover_directory_remove(const char *path) {
  pthread_mutex_lock(&lock);
  adopt();
  for (int i = 0; i < most_directories; i++) {
    if (directories[i] == path) directories[i] = NULL;
  }
  pthread_mutex_unlock(&lock);
}
