#include "timing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "screen.h"

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void sleep_ms(int64_t ms) {
  const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

static void reserve(samples *of, size_t count) {
  if (count <= of->capacity) return;
  size_t capacity = of->capacity == 0 ? 1024 : of->capacity;
  while (capacity < count) capacity *= 2;
  int64_t *values = realloc(of->values, capacity * sizeof(*values));
  if (values == NULL) give_up("out of memory");
  of->values = values;
  of->capacity = capacity;
}

void samples_add(samples *to, int64_t ns) {
  reserve(to, to->count + 1);
  to->values[to->count++] = ns;
}

void samples_append(samples *to, const samples *from) {
  if (from->count == 0) return;
  reserve(to, to->count + from->count);
  memcpy(to->values + to->count, from->values, from->count * sizeof(*from->values));
  to->count += from->count;
}

void samples_free(samples *freed) {
  free(freed->values);
  memset(freed, 0, sizeof(*freed));
}

static int by_size(const void *a, const void *b) {
  const int64_t left = *(const int64_t *)a;
  const int64_t right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

void samples_sort(samples *sorted) {
  if (sorted->count > 0) qsort(sorted->values, sorted->count, sizeof(*sorted->values), by_size);
}

int64_t samples_quantile(const samples *sorted, double part) {
  if (sorted->count == 0) return 0;
  const double rank = ceil(part * (double)sorted->count);
  return sorted->values[rank < 1 ? 0 : (size_t)rank - 1];
}
