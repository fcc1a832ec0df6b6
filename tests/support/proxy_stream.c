#include "proxy_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { chunk_size = 64 * 1024 };
static const size_t most_queued = 64u << 20;

struct stream_chunk {
  stream_chunk *next;
  int64_t due;
  size_t offset, size;
  char bytes[];
};

int64_t stream_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void swap_halves(char *bytes, size_t size) {
  size_t half = size / 2;
  char *first = (char *)malloc(half + 1);
  if (first == NULL) test_die("out of memory");
  memcpy(first, bytes, half);
  memmove(bytes, bytes + half, size - half);
  memcpy(bytes + (size - half), first, half);
  free(first);
}

/* A byte that depends on its place alone, and differs from the one it replaces. */
static char garbage_byte(int64_t place, char instead_of) {
  uint64_t mixed = ((uint64_t)place + 1) * 0x9E3779B97F4A7C15u;
  char byte = (char)(mixed >> 56);
  return byte == instead_of ? (char)~byte : byte;
}

void stream_enter(stream *self, const test_faults *faults, const void *bytes, size_t size) {
  if (size == 0) return;
  stream_chunk *chunk = (stream_chunk *)malloc(sizeof(*chunk) + size);
  if (chunk == NULL) test_die("out of memory");
  chunk->next = NULL;
  chunk->due = stream_now() + faults->delay_ms * 1000;
  chunk->offset = 0;
  chunk->size = size;
  memcpy(chunk->bytes, bytes, size);
  if (faults->reorder) swap_halves(chunk->bytes, size);
  for (size_t i = 0; faults->garbage && i < size; i++) {
    int64_t place = self->entered + (int64_t)i;
    if (place >= faults->garbage_after) chunk->bytes[i] = garbage_byte(place, chunk->bytes[i]);
  }
  self->entered += (int64_t)size;
  if (self->last != NULL) {
    self->last->next = chunk;
  } else {
    self->first = chunk;
  }
  self->last = chunk;
  self->queued += size;
}

void stream_read(stream *self, const test_faults *faults, test_direction direction, test_proxy_counts *counts,
                 int silent) {
  static _Thread_local char bytes[chunk_size];
  ssize_t size = recv(self->from, bytes, sizeof(bytes), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    self->source_ended = 1;
    self->end_waiting = !silent && !faults->swallow;
    self->end_due = stream_now() + faults->delay_ms * 1000;
    return;
  }
  counts->received[direction] += size;
  if (silent || faults->swallow || self->ended) {
    counts->swallowed[direction] += size;
    return;
  }
  stream_enter(self, faults, bytes, (size_t)size);
}

static void drop_first(stream *self) {
  stream_chunk *chunk = self->first;
  self->queued -= chunk->size - chunk->offset;
  self->first = chunk->next;
  if (self->first == NULL) self->last = NULL;
  free(chunk);
}

void stream_drop(stream *self) {
  while (self->first != NULL) drop_first(self);
}

/* How many of `size` bytes may go out now. */
static size_t allowance(const stream *self, const test_faults *faults, size_t size) {
  if (faults->drip_ms > 0) size = 1;
  if (!faults->cut) return size;
  int64_t left = faults->cut_after - self->passed;
  if (left <= 0) return 0;
  return (int64_t)size < left ? size : (size_t)left;
}

void stream_flush(stream *self, const test_faults *faults, test_direction direction, test_proxy_counts *counts) {
  self->blocked = 0;
  if (faults->hold || self->ended) return;
  int64_t now = stream_now();
  while (self->first != NULL) {
    stream_chunk *chunk = self->first;
    if (chunk->due > now || (faults->drip_ms > 0 && self->drip_due > now)) return;
    size_t allowed = allowance(self, faults, chunk->size - chunk->offset);
    if (allowed == 0) {
      self->cut_due = 1;
      return;
    }
    ssize_t sent = send(self->to, chunk->bytes + chunk->offset, allowed, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      self->blocked = 1;
      return;
    }
    if (sent < 0) {
      stream_drop(self);
      self->ended = 1;
      return;
    }
    self->queued -= (size_t)sent;
    self->passed += sent;
    counts->delivered[direction] += sent;
    self->drip_due = now + faults->drip_ms * 1000;
    chunk->offset += (size_t)sent;
    if (chunk->offset == chunk->size) drop_first(self);
    if (faults->cut && self->passed >= faults->cut_after) {
      self->cut_due = 1;
      return;
    }
  }
  if (self->end_waiting && self->end_due <= now) {
    self->end_waiting = 0;
    self->ended = 1;
    shutdown(self->to, SHUT_WR);
  }
}

int64_t stream_due(const stream *self, const test_faults *faults) {
  if (faults->hold || self->ended || self->blocked) return INT64_MAX;
  if (self->first == NULL) return self->end_waiting ? self->end_due : INT64_MAX;
  int64_t due = self->first->due;
  return faults->drip_ms > 0 && self->drip_due > due ? self->drip_due : due;
}

int stream_wants(const stream *self) { return !self->source_ended && self->queued < most_queued; }
