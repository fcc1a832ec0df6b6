/* row.h: doing the steps of one row of the table.
 *
 * Thread rule: one thread.
 */
#ifndef CACHECORE_TESTS_CONFORMANCE_ROW_H
#define CACHECORE_TESTS_CONFORMANCE_ROW_H

#include <cjson/cJSON.h>

/* NULL when every step came to what it expects, else which did not and how; freed by the caller. */
char *row_run(const cJSON *row, const char *plugin, const char *url);

#endif
