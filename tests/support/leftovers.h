/* leftovers.h: what has to go when the test program exits, however the tests ended.
 *
 * Only the process that registered something removes it: a forked child that calls exit leaves all alone. [any thread]
 */
#ifndef CACHECORE_TESTS_LEFTOVERS_H
#define CACHECORE_TESTS_LEFTOVERS_H

#include <sys/types.h>

/* A server's process, killed at exit. */
void leftover_process_add(pid_t pid);
void leftover_process_remove(pid_t pid);

/* A directory, removed at exit after the processes have ended. The path is borrowed until removed. */
void leftover_directory_add(char *path);
void leftover_directory_remove(const char *path);

#endif
