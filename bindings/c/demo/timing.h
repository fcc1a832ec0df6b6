/* timing.h: how long things took.
 *
 * Thread rule: a set of samples belongs to one thread at a time.
 */
#ifndef CACHECORE_DEMO_TIMING_H
#define CACHECORE_DEMO_TIMING_H

#include <stddef.h>
#include <stdint.h>

int64_t now_ns(void);
void sleep_ms(int64_t ms);

/* Durations in ns. All zero: none. */
typedef struct samples {
  int64_t *values;
  size_t count;
  size_t capacity;
} samples;

void samples_add(samples *to, int64_t ns);
void samples_append(samples *to, const samples *from);
void samples_free(samples *freed);

/* Sorts them. */
void samples_sort(samples *sorted);
/* Of sorted ones: the smallest that `part` (0 to 1) of all do not exceed; 0 of none. */
int64_t samples_quantile(const samples *sorted, double part);

#endif
