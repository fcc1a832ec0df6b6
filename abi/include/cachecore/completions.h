/* completions.h: calling without blocking.
 *
 *     submit ... submit        any thread; returns at once
 *     poll(fd)                 the application's own event loop
 *     drain                    completions, in batches; free each one's result
 *
 * Every accepted operation completes exactly once (a stream: any number of items flagged CACHECORE_COMPLETION_MORE,
 * then exactly once without the flag). The descriptor is readable whenever the queue is not empty; there is no wake-up
 * to lose: draining until fewer than `max` come back, or polling again, are both right. A queue may outlive its core;
 * only destroy closes its fd.
 *
 * Giving up: a deadline, cachecore_cancel and cachecore_completions_destroy end an operation at once for the caller.
 * What it may have been granted (a lease of the cache, say) is given back by the method.
 *
 * Conventions: value.h.
 */
#ifndef CACHECORE_COMPLETIONS_H
#define CACHECORE_COMPLETIONS_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cachecore_completions cachecore_completions;

/* Flags of a completion. */
#define CACHECORE_COMPLETION_MORE 1u /* an item of a stream; more may come */
#define CACHECORE_COMPLETION_DROPPED \
  2u /* with MORE: {"dropped": n} items were lost here, since over 1,024 were not drained */

/* 32 bytes. `result` belongs to whoever drained it and is never NULL: free it with cachecore_result_free. Since 0.1. */
typedef struct cachecore_completion {
  uint64_t user_data; /* as given to submit */
  uint64_t operation; /* as returned by submit */
  cachecore_status status;
  uint32_t flags;
  cachecore_result *result;
} cachecore_completion;

/* Makes a queue for operations of `core`. [any thread] To be destroyed by cachecore_completions_destroy. Since 0.1. */
CACHECORE_API cachecore_status cachecore_completions_create(cachecore_handle *core, cachecore_completions **out,
                                                            cachecore_error *error);

/* The descriptor that is readable while the queue is not empty; only for poll and the like. [any thread] -1 for NULL.
 * Since 0.1. */
CACHECORE_API int cachecore_completions_fd(const cachecore_completions *queue);

/* Moves up to `max` completions, oldest first, into `out` and returns how many. Never blocks. [any thread] Since 0.1.
 */
CACHECORE_API size_t cachecore_completions_drain(cachecore_completions *queue, cachecore_completion *out, size_t max);

/* Gives up what is still running for this queue, frees it and closes its fd. [any thread, once] Since 0.1. */
CACHECORE_API void cachecore_completions_destroy(cachecore_completions *queue);

/* Starts `method`; its completion comes through `queue`. [any thread] `args` are borrowed until it returns;
 * `timeout_ms` as in cachecore_call (for a stream 0 means none). `*operation` (may be NULL) names it for
 * cachecore_cancel. An error here means that it was not accepted and no completion will come. Since 0.1. */
CACHECORE_API cachecore_status cachecore_submit(cachecore_handle *core, const cachecore_method *method,
                                                const cachecore_value *args, size_t arg_count, int64_t timeout_ms,
                                                cachecore_completions *queue, uint64_t user_data, uint64_t *operation,
                                                cachecore_error *error);

/* Asks for the end of an operation. [any thread] Its completion still comes, with CANCELLED, UNCERTAIN (a change was
 * already sent), or as if nothing had been asked when it was done first; an operation already completed is left as it
 * is. A stream ends with CANCELLED. INVALID_ARGUMENT for a number that submit never returned. Since 0.1. */
CACHECORE_API cachecore_status cachecore_cancel(cachecore_handle *core, uint64_t operation, cachecore_error *error);

#ifdef __cplusplus
}
#endif

#endif
