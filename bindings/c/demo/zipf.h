/* zipf.h: which product is asked for next, as people ask: the r-th most popular one 1/r as often as the first.
 *
 * The same in every run.
 */
#ifndef CACHECORE_DEMO_ZIPF_H
#define CACHECORE_DEMO_ZIPF_H

#include <stddef.h>
#include <stdint.h>

/* `count` numbers from 1 to `items`; freed with free. */
int *zipf_stream(size_t count, int items);

/* How many different ones there are. */
size_t different_items(const int *stream, size_t count, int items);

/* A number below `bound` that depends on `state` alone, which it moves on. */
uint32_t next_random(uint64_t *state, uint32_t bound);

#endif
