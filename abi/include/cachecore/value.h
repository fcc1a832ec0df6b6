/* value.h: the one type that crosses the ABI in both directions.
 *
 * A value is a kind and a union of 16 bytes. Arguments are values, results are values, and a reply of the server is
 * decoded straight into a tree of them.
 *
 * Conventions of every header of this directory, numbered so that functions can refer to them:
 *
 *  1 Ownership. A function that returns an object through `out` gives it to the caller, who frees it with the function
 *    its comment names. A const pointer that is returned stays the property of the object it was read from.
 *
 *  2 Lengths. Bytes carry their length and may contain NUL. Text is UTF-8. In results a NUL byte follows the last byte
 *    of every BYTES value (not counted in `size`), so text of a result can be used as a C string. Values of other kinds
 *    have no `as.bytes`: look at `kind` first, also where an answer is expected to be text, for it may be NIL.
 *
 *  3 Errors. Functions return a cachecore_status: 0 is success, positive an answer, negative an error. `error` may be
 *    NULL, and is always written (error.h). `*out` is always written: the object on CACHECORE_OK, else NULL.
 *
 *  4 NULL. Freeing or destroying NULL does nothing. Elsewhere NULL is CACHECORE_INVALID_ARGUMENT, never a crash.
 *
 *  5 Threads. Every function says [any thread] (call it at any time, from any number of threads) or [owner] (callers
 *    take turns on that object). Nothing here may be called from a signal handler.
 *
 *  6 Time. Durations are milliseconds in int64_t and end in _ms.
 *
 *  7 Layout. cachecore_value, _pair, _completion and _error never change. All other structs begin with `struct_size`
 *    and only grow at their end.
 */
#ifndef CACHECORE_VALUE_H
#define CACHECORE_VALUE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what libcachecore.so exports. */
#if defined(CACHECORE_BUILDING_LIBRARY)
#define CACHECORE_API __attribute__((visibility("default")))
#else
#define CACHECORE_API
#endif

/* Kinds of a value. A bool's `integer` is 0 or 1. ERROR appears only inside lists and maps of results: one failed reply
 * among many; its `reserved` holds the status and its bytes the message. Since 0.1. */
#define CACHECORE_NIL 0
#define CACHECORE_BOOL 1
#define CACHECORE_INT 2
#define CACHECORE_DOUBLE 3
#define CACHECORE_BYTES 4
#define CACHECORE_LIST 5
#define CACHECORE_MAP 6
#define CACHECORE_ERROR 7

/* The bit of a kind in a mask of kinds. */
#define CACHECORE_KIND_BIT(kind) (1u << (kind))

typedef struct cachecore_value cachecore_value;
typedef struct cachecore_pair cachecore_pair;

typedef struct cachecore_bytes_view {
  const char *data; /* may be NULL when size is 0 */
  size_t size;
} cachecore_bytes_view;

typedef struct cachecore_list_view {
  const cachecore_value *items; /* may be NULL when count is 0 */
  size_t count;
} cachecore_list_view;

typedef struct cachecore_map_view {
  const cachecore_pair *pairs; /* in order; keys are usually BYTES */
  size_t count;
} cachecore_map_view;

/* 24 bytes. Trees are borrowed: a value owns nothing it points to. */
struct cachecore_value {
  int32_t kind;
  int32_t reserved; /* 0, except in ERROR */
  union {
    int64_t integer;            /* BOOL, INT */
    double real;                /* DOUBLE */
    cachecore_bytes_view bytes; /* BYTES, ERROR */
    cachecore_list_view list;   /* LIST */
    cachecore_map_view map;     /* MAP */
  } as;
};

/* 48 bytes. */
struct cachecore_pair {
  cachecore_value key;
  cachecore_value value;
};

/* Constructors. [any thread] They borrow what they are given and never fail. Since 0.1. */

static inline cachecore_value cachecore_nil(void) {
  cachecore_value value;
  value.kind = CACHECORE_NIL;
  value.reserved = 0;
  value.as.bytes.data = NULL;
  value.as.bytes.size = 0;
  return value;
}

/* Any non-zero `truth` is true. */
static inline cachecore_value cachecore_bool(int truth) {
  cachecore_value value = cachecore_nil();
  value.kind = CACHECORE_BOOL;
  value.as.integer = truth != 0;
  return value;
}

static inline cachecore_value cachecore_int(int64_t integer) {
  cachecore_value value = cachecore_nil();
  value.kind = CACHECORE_INT;
  value.as.integer = integer;
  return value;
}

static inline cachecore_value cachecore_double(double real) {
  cachecore_value value = cachecore_nil();
  value.kind = CACHECORE_DOUBLE;
  value.as.real = real;
  return value;
}

/* `size` bytes at `data`. */
static inline cachecore_value cachecore_bytes(const void *data, size_t size) {
  cachecore_value value = cachecore_nil();
  value.kind = CACHECORE_BYTES;
  value.as.bytes.data = (const char *)data;
  value.as.bytes.size = size;
  return value;
}

/* A NUL-ended string, without its NUL. NULL gives NIL, so that an optional argument can be passed on as it is. */
static inline cachecore_value cachecore_text(const char *text) {
  size_t size = 0;
  if (text == NULL) return cachecore_nil();
  while (text[size] != '\0') size++;
  return cachecore_bytes(text, size);
}

static inline cachecore_value cachecore_list(const cachecore_value *items, size_t count) {
  cachecore_value value = cachecore_nil();
  value.kind = CACHECORE_LIST;
  value.as.list.items = items;
  value.as.list.count = count;
  return value;
}

static inline cachecore_value cachecore_map(const cachecore_pair *pairs, size_t count) {
  cachecore_value value = cachecore_nil();
  value.kind = CACHECORE_MAP;
  value.as.map.pairs = pairs;
  value.as.map.count = count;
  return value;
}

#ifdef __cplusplus
}
#endif

#endif
