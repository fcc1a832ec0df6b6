/* queue.h: the methods of the plugin `queue` as C functions.
 *
 *     cachecore_queue_push(core, "mails", "to: ada", 7, NULL, 0, NULL, &error);
 *     ...
 *     cachecore_queue_claim(core, "mails", 1, 30000, 0, NULL, 0, &result, &error);          in a worker
 *     if (cachecore_queue_job_at(result, 0, &job)) {
 *       send(job.payload);
 *       cachecore_queue_complete(core, &job.handle, NULL, &error);
 *     }
 *     cachecore_result_free(result);
 *
 * Each is cachecore_invoke and nothing else: the default timeout (plus the time a claim waits), and all that is said
 * there about threads, borrowed arguments and errors. What a method means is in its description (`cachectl describe
 * queue`). A loop with several threads that does all this is queue_worker.h of the C binding.
 *
 * Everywhere: `queue` is NUL-ended; NULL or 0 for an optional argument is "not given". queue.events is a stream: it is
 * submitted (completions.h).
 *
 * Conventions: value.h. All functions: [any thread, except from a continuation or a log callback], where they answer
 * INVALID_STATE: core.h says what these are. Since 0.1.
 */
#ifndef CACHECORE_QUEUE_H
#define CACHECORE_QUEUE_H

#include <string.h>

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A claimed job; all of it points into the result of the claim and lives as long as that. */
typedef struct cachecore_queue_job {
  size_t struct_size;      /* set by cachecore_queue_job_at */
  cachecore_value handle;  /* what ends, extends or releases it */
  cachecore_value queue;   /* BYTES */
  cachecore_value id;      /* BYTES */
  cachecore_value payload; /* as it was pushed */
  int64_t attempt;         /* 1 at the first run */
} cachecore_queue_job;

/* ---- Pushing ---- */

/* Pushes `size` bytes at `payload`, with `option_count` pairs of the options of queue.push (delay_ms, priority, id
 * ...).
 * `*out` (may be NULL): a MAP {id, pushed}, to be freed by cachecore_result_free. BUSY when the queue is full. */
static inline cachecore_status cachecore_queue_push(cachecore_handle *core, const char *queue, const void *payload,
                                                    size_t size, const cachecore_pair *options, size_t option_count,
                                                    cachecore_result **out, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(queue);
  args[1] = cachecore_bytes(payload, size);
  args[2] = option_count == 0 ? cachecore_nil() : cachecore_map(options, option_count);
  return cachecore_invoke(core, "queue.push", args, 3, out, error);
}

/* Pushes `count` jobs, each a MAP {payload, ...}: all, or none. */
static inline cachecore_status cachecore_queue_push_many(cachecore_handle *core, const char *queue,
                                                         const cachecore_value *jobs, size_t count,
                                                         cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(queue);
  args[1] = cachecore_list(jobs, count);
  return cachecore_invoke(core, "queue.push_many", args, 2, out, error);
}

/* ---- Working ---- */

/* Takes up to `count` jobs, waiting up to `wait_ms` (-1: for ever) for the first, after acknowledging `done_count`
 * handles. `lease_ms` 0: the plugin's. `*out`: a LIST, empty when nothing came; to be freed by cachecore_result_free.
 */
static inline cachecore_status cachecore_queue_claim(cachecore_handle *core, const char *queue, int64_t count,
                                                     int64_t wait_ms, int64_t lease_ms, const cachecore_value *done,
                                                     size_t done_count, cachecore_result **out,
                                                     cachecore_error *error) {
  cachecore_value args[5];
  args[0] = cachecore_text(queue);
  args[1] = cachecore_int(count);
  args[2] = cachecore_int(wait_ms);
  args[3] = lease_ms == 0 ? cachecore_nil() : cachecore_int(lease_ms);
  args[4] = cachecore_list(done, done_count);
  return cachecore_invoke(core, "queue.claim", args, 5, out, error);
}

/* The job at `index` of what claim gave: 1, or 0 when there is none. */
static inline int cachecore_queue_job_at(const cachecore_result *claimed, size_t index, cachecore_queue_job *out) {
  const cachecore_value *all = cachecore_result_value(claimed);
  size_t i;
  memset(out, 0, sizeof(*out));
  out->struct_size = sizeof(*out);
  if (all == NULL || all->kind != CACHECORE_LIST || index >= all->as.list.count) return 0;
  all = &all->as.list.items[index];
  for (i = 0; i < all->as.map.count; i++) {
    const char *name = all->as.map.pairs[i].key.as.bytes.data;
    const cachecore_value *value = &all->as.map.pairs[i].value;
    if (strcmp(name, "job") == 0) out->handle = *value;
    if (strcmp(name, "queue") == 0) out->queue = *value;
    if (strcmp(name, "id") == 0) out->id = *value;
    if (strcmp(name, "payload") == 0) out->payload = *value;
    if (strcmp(name, "attempt") == 0) out->attempt = value->as.integer;
  }
  return 1;
}

/* Ends a job well; `result` may be NULL. CONFLICT: its lease has ended. */
static inline cachecore_status cachecore_queue_complete(cachecore_handle *core, const cachecore_value *job,
                                                        const cachecore_value *result, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = *job;
  args[1] = result == NULL ? cachecore_nil() : *result;
  return cachecore_invoke(core, "queue.complete", args, 2, NULL, error);
}

/* Ends an attempt badly. `retry_in_ms` may be NULL: after the job's backoff; -1: never again. */
static inline cachecore_status cachecore_queue_fail(cachecore_handle *core, const cachecore_value *job,
                                                    const char *message, const int64_t *retry_in_ms,
                                                    cachecore_error *error) {
  cachecore_value args[3];
  args[0] = *job;
  args[1] = cachecore_text(message);
  args[2] = retry_in_ms == NULL ? cachecore_nil() : cachecore_int(*retry_in_ms);
  return cachecore_invoke(core, "queue.fail", args, 3, NULL, error);
}

/* Gives a job back; the attempt does not count. */
static inline cachecore_status cachecore_queue_release(cachecore_handle *core, const cachecore_value *job,
                                                       int64_t delay_ms, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = *job;
  args[1] = cachecore_int(delay_ms);
  return cachecore_invoke(core, "queue.release", args, 2, NULL, error);
}

/* Lets the lease last at least `lease_ms` (0: the plugin's) from now. CONFLICT: it has ended, or the job was cancelled.
 */
static inline cachecore_status cachecore_queue_extend(cachecore_handle *core, const cachecore_value *job,
                                                      int64_t lease_ms, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = *job;
  args[1] = lease_ms == 0 ? cachecore_nil() : cachecore_int(lease_ms);
  return cachecore_invoke(core, "queue.extend", args, 2, NULL, error);
}

/* Notes how far a job is. */
static inline cachecore_status cachecore_queue_progress(cachecore_handle *core, const cachecore_value *job,
                                                        const cachecore_value *value, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = *job;
  args[1] = *value;
  return cachecore_invoke(core, "queue.progress", args, 2, NULL, error);
}

/* ---- Looking and steering ---- */

/* A job as a MAP, or NOT_FOUND. */
static inline cachecore_status cachecore_queue_get(cachecore_handle *core, const char *queue, const char *id,
                                                   cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(queue);
  args[1] = cachecore_text(id);
  return cachecore_invoke(core, "queue.get", args, 2, out, error);
}

/* The jobs of each state, counted: a MAP. */
static inline cachecore_status cachecore_queue_counts(cachecore_handle *core, const char *queue, cachecore_result **out,
                                                      cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(queue);
  return cachecore_invoke(core, "queue.counts", args, 1, out, error);
}

/* Cancels a job: `*cancelled` (may be NULL) is 0 when it had ended. NOT_FOUND when there is none. */
static inline cachecore_status cachecore_queue_cancel(cachecore_handle *core, const char *queue, const char *id,
                                                      int64_t *cancelled, cachecore_error *error) {
  cachecore_value args[2];
  cachecore_result *result;
  cachecore_status status;
  args[0] = cachecore_text(queue);
  args[1] = cachecore_text(id);
  status = cachecore_invoke(core, "queue.cancel", args, 2, &result, error);
  if (cancelled != NULL) *cancelled = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* No job of the queue starts until it is resumed. */
static inline cachecore_status cachecore_queue_pause(cachecore_handle *core, const char *queue,
                                                     cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(queue);
  return cachecore_invoke(core, "queue.pause", args, 1, NULL, error);
}
static inline cachecore_status cachecore_queue_resume(cachecore_handle *core, const char *queue,
                                                      cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(queue);
  return cachecore_invoke(core, "queue.resume", args, 1, NULL, error);
}

/* ---- Plain lists ---- */

/* Appends `size` bytes at `data` to the list `key`. */
static inline cachecore_status cachecore_queue_enqueue(cachecore_handle *core, const char *key, const void *data,
                                                       size_t size, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(key);
  args[1] = cachecore_bytes(data, size);
  return cachecore_invoke(core, "queue.enqueue", args, 2, NULL, error);
}

/* Takes the oldest, waiting up to `wait_ms` (-1: for ever): a MAP {queue, value}, or NOT_FOUND. */
static inline cachecore_status cachecore_queue_dequeue(cachecore_handle *core, const char *key, int64_t wait_ms,
                                                       cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(key);
  args[1] = cachecore_int(wait_ms);
  return cachecore_invoke(core, "queue.dequeue", args, 2, out, error);
}

#ifdef __cplusplus
}
#endif

#endif
