/* proxy_stream.h: one direction of one connection through the proxy: what was read and has not been passed on yet.
 *
 * The faults act at two places: on the way in (swallow, garbage, reorder, the delay's due time) and on the way out
 * (hold, drip, cut). Not thread-safe: the proxy's lock covers it. Times are CLOCK_MONOTONIC microseconds. */
#ifndef CACHECORE_TESTS_PROXY_STREAM_H
#define CACHECORE_TESTS_PROXY_STREAM_H

#include "support.h"

typedef struct stream_chunk stream_chunk;

typedef struct stream {
  int from, to;
  stream_chunk *first, *last;
  size_t queued;
  int source_ended; /* `from` gives nothing any more */
  int end_waiting;  /* ... and `to` has to be told at end_due */
  int64_t end_due;
  int ended;   /* `to` was told, or takes nothing any more */
  int blocked; /* `to` is full */
  int64_t drip_due;
  int64_t entered; /* since the setting: bytes read */
  int64_t passed;  /* since the setting: bytes passed on */
  int cut_due;     /* the connection has to be cut now; the loop does it */
} stream;

/* Reads once. Counts into `counts`; `silent` swallows whatever the faults say. */
void stream_read(stream *self, const test_faults *faults, test_direction direction, test_proxy_counts *counts,
                 int silent);

/* Enters bytes as if they had been read. */
void stream_enter(stream *self, const test_faults *faults, const void *bytes, size_t size);

/* Passes on what is due. */
void stream_flush(stream *self, const test_faults *faults, test_direction direction, test_proxy_counts *counts);

/* When stream_flush has something to do without any event on a descriptor; INT64_MAX: never. */
int64_t stream_due(const stream *self, const test_faults *faults);

/* Whether reading from `from` is wanted. */
int stream_wants(const stream *self);

void stream_drop(stream *self);

int64_t stream_now(void);

#endif
