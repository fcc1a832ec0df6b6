/* outcome.h: what a step came to, compared with what its row expects.
 *
 * Thread rule: one thread.
 */
#ifndef CACHECORE_TESTS_CONFORMANCE_OUTCOME_H
#define CACHECORE_TESTS_CONFORMANCE_OUTCOME_H

#include <cachecore/completions.h>

#include "values.h"

struct outcome {
  cachecore_status status;
  uint32_t flags;
  const cachecore_error *error; /* of a failure */
  const cachecore_value *value; /* of OK; NULL when nothing was answered */
};

/* NULL when `got` is what `expect` (may be NULL) asks for, else how it is not, in `memory`. */
const char *outcome_differs(struct memory *memory, const cJSON *expect, const struct outcome *got);

/* A text in `memory`. */
const char *say(struct memory *memory, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
