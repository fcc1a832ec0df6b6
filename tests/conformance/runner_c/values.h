/* values.h: the table's way of writing values (../README.md), as values of the ABI.
 *
 * Thread rule: one thread. Memory: everything lives as long as the `memory` it was made in.
 */
#ifndef CACHECORE_TESTS_CONFORMANCE_VALUES_H
#define CACHECORE_TESTS_CONFORMANCE_VALUES_H

#include <cachecore/value.h>
#include <cjson/cJSON.h>

/* Freed all at once. Starts as {NULL}. */
struct memory {
  struct memory_part *parts;
};

void *memory_take(struct memory *memory, size_t size);
void memory_free(struct memory *memory);

/* The kind of {"$any": true}, which equals everything. */
#define KIND_ANY (-1)

/* Ends the program when `json` is not a value of the table. */
cachecore_value value_read(struct memory *memory, const cJSON *json);

/* The same kinds and contents; maps in any order. */
int value_equal(const cachecore_value *expected, const cachecore_value *got);

/* For messages: at most a few hundred bytes. */
const char *value_show(struct memory *memory, const cachecore_value *value);

/* A status by its name; ends the program for one that does not exist. */
int32_t status_by_name(const char *name);

#endif
