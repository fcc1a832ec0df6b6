/* demo.h: the parts of the demo and what they share. */
#ifndef CACHECORE_DEMO_H
#define CACHECORE_DEMO_H

#include <cachecore/cachecore.h>
#include <stdatomic.h>

#include "screen.h"
#include "shop.h"
#include "timing.h"

typedef struct demo {
  const char *directory; /* where it keeps what it makes */
  const char *database;
  const char *url;     /* the server of parts 1 and 2 */
  size_t lookups;      /* of the stream */
  int64_t uncached_ms; /* how long the stream is run without cache */
} demo;

/* Opens a core, or ends the program. */
cachecore *open_core(const char *url, const char *key_prefix, int64_t call_timeout_ms);

/* Says how a region is cached, or ends the program. */
void define_region(cachecore *core, const char *region, int64_t ttl_ms);

/* Removes all keys below the core's prefix. */
void remove_keys(cachecore *core);

/* What a caller of the cache needs: the connection its loader asks, and what it is asked for. */
typedef struct question {
  shop *source;
  int product;
  atomic_long *loads; /* counts how often the source was asked; may be NULL */
  int loaded;         /* whether this caller did */
  char answer[shop_answer_size];
} question;

/* How the product sells, through the cache: cachecore_cache_get_or_load with a loader that asks SQLite. The answer is
 * copied into `asked`. */
cachecore_status ask_through_cache(cachecore *core, const char *region, question *asked, cachecore_error *error);

void run_stream(const demo *shown);
void run_stampede(const demo *shown);
void run_command_line(const demo *shown);
void run_outage(const demo *shown);

#endif
