#include "zipf.h"

#include <stdlib.h>

#include "screen.h"

/* splitmix64 */
static uint64_t next_bits(uint64_t *state) {
  uint64_t bits = (*state += UINT64_C(0x9E3779B97F4A7C15));
  bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
  return bits ^ (bits >> 31);
}

uint32_t next_random(uint64_t *state, uint32_t bound) { return (uint32_t)(((next_bits(state) >> 32) * bound) >> 32); }

/* The number of the product at a rank: popularity has nothing to do with the order in the database. */
static void shuffle(int *numbers, int count, uint64_t *state) {
  for (int i = count - 1; i > 0; i--) {
    const int other = (int)next_random(state, (uint32_t)i + 1);
    const int kept = numbers[i];
    numbers[i] = numbers[other];
    numbers[other] = kept;
  }
}

int *zipf_stream(size_t count, int items) {
  uint64_t state = 20240229;
  int *stream = calloc(count, sizeof(*stream));
  int *by_rank = calloc((size_t)items, sizeof(*by_rank));
  double *up_to = calloc((size_t)items, sizeof(*up_to)); /* the share of all ranks up to this one */
  if (stream == NULL || by_rank == NULL || up_to == NULL) give_up("out of memory");
  double sum = 0;
  for (int i = 0; i < items; i++) {
    by_rank[i] = i + 1;
    sum += 1.0 / (i + 1);
    up_to[i] = sum;
  }
  shuffle(by_rank, items, &state);
  for (size_t i = 0; i < count; i++) {
    const double drawn = (double)(next_bits(&state) >> 11) / 9007199254740992.0 * sum;
    int low = 0;
    int high = items - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (up_to[middle] > drawn) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    stream[i] = by_rank[low];
  }
  free(by_rank);
  free(up_to);
  return stream;
}

size_t different_items(const int *stream, size_t count, int items) {
  size_t different = 0;
  char *seen = calloc((size_t)items + 1, 1);
  if (seen == NULL) give_up("out of memory");
  for (size_t i = 0; i < count; i++) {
    different += !seen[stream[i]];
    seen[stream[i]] = 1;
  }
  free(seen);
  return different;
}
