/* operations.h: the completion queue of a row, and the operations the row has named.
 *
 * Thread rule: one thread. Invariant: completions that are not asked for yet are kept, in order.
 */
#ifndef CACHECORE_TESTS_CONFORMANCE_OPERATIONS_H
#define CACHECORE_TESTS_CONFORMANCE_OPERATIONS_H

#include <cachecore/completions.h>

#define MAX_OPERATIONS 16
#define MAX_KEPT 8192

struct operations {
  cachecore_handle *core;
  cachecore_completions *queue; /* made when first needed */
  const char *names[MAX_OPERATIONS];
  uint64_t numbers[MAX_OPERATIONS];
  size_t count;
  cachecore_completion kept[MAX_KEPT];
  size_t kept_count;
};

cachecore_status operations_submit(struct operations *operations, const char *name, const cachecore_method *method,
                                   const cachecore_value *args, size_t arg_count, int64_t timeout_ms,
                                   cachecore_error *error);

/* The number of the operation called `name`; ends the program when the row never submitted it. */
uint64_t operations_number(const struct operations *operations, const char *name);

/* Waits for the next completion of the operation; 0 when none came in time. The result is the caller's. */
int operations_next(struct operations *operations, uint64_t number, cachecore_completion *out);

void operations_destroy_queue(struct operations *operations);

#endif
