/* api.h: what the tests of the C API share: cores over a private server, and how long to go on. */
#ifndef CACHECORE_TESTS_API_H
#define CACHECORE_TESTS_API_H

#include <cachecore/cachecore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"
#include "tests/support/unit.h"

/* `count` in a short run, `count_long` under ./run soak. */
long test_length(long count, long count_long);

/* A core over `url` with the plugins named (NULL: none but the core's own). Ends the test program when it cannot be
 * made. */
cachecore *test_core(const char *url, const char *const *plugins);

/* The conformance plugin's path; the build gives it. */
const char *conformance_plugin(void);

/* redis.command of text words. */
cachecore_status test_redis(cachecore *core, const char *const *words, size_t count, cachecore_result **out,
                            cachecore_error *error);

/* Open descriptors of this process. */
int test_open_descriptors(void);

const cachecore_method *test_method(cachecore *core, const char *name);

#endif
