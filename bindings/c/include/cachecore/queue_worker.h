/* queue_worker.h: threads that work on a queue, in plain C: header-only over queue.h and pthreads.
 *
 *     static void send_mail(void *context, const cachecore_queue_job *job, cachecore_queue_outcome *outcome) {
 *       if (!send(job->payload.as.bytes.data)) cachecore_queue_outcome_fail(outcome, "the server said no");
 *     }
 *
 *     cachecore_queue_worker_options options;
 *     cachecore_queue_worker_options_init(&options);
 *     options.queue = "mails";
 *     options.concurrency = 8;
 *     options.work = send_mail;
 *     cachecore_queue_worker_start(core, &options, &worker, &error);
 *     ...
 *     left = cachecore_queue_worker_stop(worker, 10000);      lets running jobs end, for up to 10 seconds
 *
 * Each thread claims one job at a time and runs it; its acknowledgement rides with the claim of the next, so a job
 * costs one round trip. Leases are renewed by the core's own thread, however busy the worker is. A job that was begun
 * is ended once: completed unless the outcome says otherwise.
 *
 * Thread rule: `work` runs on the worker's threads, several at once; the functions here are [any thread, except from a
 * continuation, a log callback or `work`]. The core must stay open until stop has returned 0.
 *
 * Link with -pthread. Since 0.1.
 */
#ifndef CACHECORE_QUEUE_WORKER_H
#define CACHECORE_QUEUE_WORKER_H

#include <cachecore/queue.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(modernize-use-nullptr): C */

/* What became of a job. All zero: completed. */
typedef struct cachecore_queue_outcome {
  int32_t failed;      /* not 0: the attempt failed, `message` says why */
  int32_t has_result;  /* not 0: `result` is kept; it must live until the next call of `work` on this thread */
  char message[256];   /* NUL-ended */
  int64_t retry_in_ms; /* of a failure; 0: after the job's backoff; negative: never */
  cachecore_value result;
} cachecore_queue_outcome;

static inline void cachecore_queue_outcome_fail(cachecore_queue_outcome *outcome, const char *message) {
  size_t size = strlen(message);
  if (size >= sizeof(outcome->message)) size = sizeof(outcome->message) - 1;
  memcpy(outcome->message, message, size);
  outcome->message[size] = '\0';
  outcome->failed = 1;
}

typedef void (*cachecore_queue_work)(void *context, const cachecore_queue_job *job, cachecore_queue_outcome *outcome);

typedef struct cachecore_queue_worker_options {
  size_t struct_size;
  const char *queue;  /* NUL-ended; copied */
  size_t concurrency; /* threads; at least 1 */
  int64_t lease_ms;   /* 0: the plugin's */
  int64_t poll_ms;    /* how long a claim waits, and so how late an idle thread sees that it is to stop */
  cachecore_queue_work work;
  void *context;
} cachecore_queue_worker_options;

static inline void cachecore_queue_worker_options_init(cachecore_queue_worker_options *options) {
  memset(options, 0, sizeof(*options));
  options->struct_size = sizeof(*options);
  options->concurrency = 1;
  options->poll_ms = 500;
}

/* `running` counts the threads; whoever brings it to 0 with `forsaken` set frees the worker, else stop does. */
typedef struct cachecore_queue_worker {
  cachecore_handle *core;
  cachecore_queue_worker_options options;
  char *queue;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  size_t running;
  int stopping;
  int forsaken;
} cachecore_queue_worker;

static inline void cachecore_queue_worker_free(cachecore_queue_worker *worker) {
  pthread_cond_destroy(&worker->changed);
  pthread_mutex_destroy(&worker->mutex);
  free(worker->queue);
  free(worker);
}

static inline int cachecore_queue_worker_stops(cachecore_queue_worker *worker) {
  int stopping;
  pthread_mutex_lock(&worker->mutex);
  stopping = worker->stopping;
  pthread_mutex_unlock(&worker->mutex);
  return stopping;
}

/* Sleeps, or less when the worker is told to stop. */
static inline void cachecore_queue_worker_pause(cachecore_queue_worker *worker, int64_t ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += (time_t)(ms / 1000);
  until.tv_nsec += (long)(ms % 1000) * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000L;
  }
  pthread_mutex_lock(&worker->mutex);
  while (!worker->stopping) {
    if (pthread_cond_timedwait(&worker->changed, &worker->mutex, &until) == ETIMEDOUT) break;
  }
  pthread_mutex_unlock(&worker->mutex);
}

/* A call that ends a job is repeated while its fate is unknown: the second of two is a CONFLICT, which is harmless. */
static inline int cachecore_queue_worker_settled(cachecore_status status) {
  return status != CACHECORE_UNCERTAIN && status != CACHECORE_UNAVAILABLE && status != CACHECORE_TIMEOUT &&
         status != CACHECORE_BUSY;
}

static inline void *cachecore_queue_worker_thread(void *argument) {
  cachecore_queue_worker *worker = (cachecore_queue_worker *)argument;
  cachecore_result *held = NULL; /* the claim whose job waits for its acknowledgement */
  cachecore_queue_job job;
  size_t acknowledging = 0;
  int last;
  memset(&job, 0, sizeof(job));
  for (;;) {
    cachecore_error error;
    cachecore_result *claimed = NULL;
    cachecore_queue_outcome outcome;
    cachecore_status status;
    int stopping = cachecore_queue_worker_stops(worker);
    int tries;
    if (stopping && acknowledging == 0) break;
    /* The last claim takes nothing, it only acknowledges. */
    status =
        cachecore_queue_claim(worker->core, worker->queue, stopping ? 0 : 1, stopping ? 0 : worker->options.poll_ms,
                              worker->options.lease_ms, &job.handle, acknowledging, &claimed, &error);
    if (status != CACHECORE_OK) {
      if (status == CACHECORE_CLOSED || status == CACHECORE_FORKED) break;
      if (stopping) break; /* the lease ends by itself, and the job runs again */
      cachecore_queue_worker_pause(worker, 100);
      continue;
    }
    cachecore_result_free(held);
    held = NULL;
    acknowledging = 0;
    if (!cachecore_queue_job_at(claimed, 0, &job)) {
      cachecore_result_free(claimed);
      continue;
    }
    memset(&outcome, 0, sizeof(outcome));
    worker->options.work(worker->options.context, &job, &outcome);
    if (!outcome.failed && !outcome.has_result) {
      held = claimed;
      acknowledging = 1;
      continue;
    }
    for (tries = 0; tries < 3; tries++) {
      const int64_t *retry = outcome.retry_in_ms == 0 ? NULL : &outcome.retry_in_ms;
      const int64_t never = -1;
      if (outcome.retry_in_ms < 0) retry = &never;
      status = outcome.failed ? cachecore_queue_fail(worker->core, &job.handle, outcome.message, retry, &error)
                              : cachecore_queue_complete(worker->core, &job.handle, &outcome.result, &error);
      if (cachecore_queue_worker_settled(status)) break;
      cachecore_queue_worker_pause(worker, 100);
    }
    cachecore_result_free(claimed);
  }
  cachecore_result_free(held);
  pthread_mutex_lock(&worker->mutex);
  worker->running--;
  last = worker->running == 0 && worker->forsaken;
  pthread_cond_broadcast(&worker->changed);
  pthread_mutex_unlock(&worker->mutex);
  if (last) cachecore_queue_worker_free(worker);
  return NULL;
}

/* Lets running jobs end and acknowledges them, for up to `deadline_ms` (-1: however long it takes). Returns how many
 * threads are still at work then: 0 means that the worker is freed; else it is freed when the last of them is done,
 * and the core must stay open until the program ends. */
static inline size_t cachecore_queue_worker_stop(cachecore_queue_worker *worker, int64_t deadline_ms) {
  struct timespec until;
  size_t left;
  clock_gettime(CLOCK_MONOTONIC, &until);
  if (deadline_ms > 0) {
    until.tv_sec += (time_t)(deadline_ms / 1000);
    until.tv_nsec += (long)(deadline_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
      until.tv_sec++;
      until.tv_nsec -= 1000000000L;
    }
  }
  pthread_mutex_lock(&worker->mutex);
  worker->stopping = 1;
  pthread_cond_broadcast(&worker->changed);
  while (worker->running > 0) {
    if (deadline_ms < 0) {
      pthread_cond_wait(&worker->changed, &worker->mutex);
    } else if (pthread_cond_timedwait(&worker->changed, &worker->mutex, &until) == ETIMEDOUT) {
      break;
    }
  }
  left = worker->running;
  if (left > 0) worker->forsaken = 1;
  pthread_mutex_unlock(&worker->mutex);
  if (left == 0) cachecore_queue_worker_free(worker);
  return left;
}

/* Starts the threads. `*out` is to be given to stop, once. Options are copied; `context` is the caller's. */
static inline cachecore_status cachecore_queue_worker_start(cachecore_handle *core,
                                                            const cachecore_queue_worker_options *options,
                                                            cachecore_queue_worker **out, cachecore_error *error) {
  cachecore_queue_worker *worker;
  pthread_condattr_t monotonic;
  size_t i;
  *out = NULL;
  if (error != NULL) memset(error, 0, sizeof(*error));
  if (options->queue == NULL || options->work == NULL || options->concurrency == 0 || options->poll_ms <= 0) {
    const char *wrong = "queue_worker: queue and work must be set, concurrency and poll_ms must be > 0";
    if (error != NULL) {
      error->status = CACHECORE_INVALID_ARGUMENT;
      memcpy(error->message, wrong, strlen(wrong) + 1);
    }
    return CACHECORE_INVALID_ARGUMENT;
  }
  worker = (cachecore_queue_worker *)calloc(1, sizeof(*worker));
  if (worker == NULL) return CACHECORE_NO_MEMORY;
  worker->core = core;
  worker->options = *options;
  worker->queue = (char *)malloc(strlen(options->queue) + 1);
  if (worker->queue == NULL) {
    free(worker);
    return CACHECORE_NO_MEMORY;
  }
  memcpy(worker->queue, options->queue, strlen(options->queue) + 1);
  pthread_mutex_init(&worker->mutex, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&worker->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  for (i = 0; i < options->concurrency; i++) {
    pthread_t thread;
    pthread_mutex_lock(&worker->mutex);
    worker->running++;
    pthread_mutex_unlock(&worker->mutex);
    if (pthread_create(&thread, NULL, cachecore_queue_worker_thread, worker) != 0) {
      pthread_mutex_lock(&worker->mutex);
      worker->running--;
      pthread_mutex_unlock(&worker->mutex);
      cachecore_queue_worker_stop(worker, -1);
      return CACHECORE_NO_MEMORY;
    }
    pthread_detach(thread);
  }
  *out = worker;
  return CACHECORE_OK;
}

/* NOLINTEND(modernize-use-nullptr) */

#ifdef __cplusplus
}
#endif

#endif
