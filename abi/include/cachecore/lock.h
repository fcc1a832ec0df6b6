/* lock.h: the methods of the plugin `lock` as C functions.
 *
 *     cachecore_result *held;
 *     if (cachecore_lock_acquire(core, "invoice:42", 30000, 5000, &held, &error) != CACHECORE_OK) ...
 *     write_invoice(cachecore_lock_fence(held));
 *     cachecore_lock_release(core, cachecore_lock_handle(held), &error);
 *     cachecore_result_free(held);
 *
 * At most one holds a lock, unless the holder outlives its lease, a failover of the server loses the write, or the
 * server's clock jumps. The fence rises with every grant, so the resource can refuse who comes late. While it is held,
 * the core lets the lease go on; lock.watch, a stream (completions.h), tells when that could not be done.
 *
 * Each is cachecore_invoke and nothing else: the default timeout (and wait_ms, where it waits), and all that is said
 * there about threads, borrowed arguments and errors. What a method means is in its description (`cachectl describe
 * lock`). A call that is given up while it waits is UNCERTAIN; what it was or will be granted is given back.
 *
 * Everywhere: `name` is NUL-ended. `lease_ms` 0 is the default of 30,000. `wait_ms` 0: BUSY at once where it is held;
 * -1: for ever. A number that is not NULL is always written, 0 when the call failed.
 *
 * Conventions: value.h. All functions: [any thread, except from a continuation or a log callback], where they answer
 * INVALID_STATE: core.h says what these are. Since 0.1.
 */
#ifndef CACHECORE_LOCK_H
#define CACHECORE_LOCK_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A field of what acquire answered; NIL where there is none. Never NULL; lives as the result. */
static inline const cachecore_value *cachecore_lock_field(const cachecore_result *held, const char *name) {
  static const cachecore_value nothing = {CACHECORE_NIL, 0, {0}};
  const cachecore_value *map = cachecore_result_value(held);
  size_t i;
  if (map == NULL || map->kind != CACHECORE_MAP) return &nothing;
  for (i = 0; i < map->as.map.count; i++) {
    const cachecore_pair *pair = &map->as.map.pairs[i];
    size_t at = 0;
    if (pair->key.kind != CACHECORE_BYTES) continue;
    while (at < pair->key.as.bytes.size && name[at] == pair->key.as.bytes.data[at]) at++;
    if (at == pair->key.as.bytes.size && name[at] == '\0') return &pair->value;
  }
  return &nothing;
}

/* The handle, for extend and release, in this process or another. Lives as the result. */
static inline const cachecore_value *cachecore_lock_handle(const cachecore_result *held) {
  return cachecore_lock_field(held, "lock");
}

/* The fence: higher than that of any grant of this name before. */
static inline int64_t cachecore_lock_fence(const cachecore_result *held) {
  const cachecore_value *fence = cachecore_lock_field(held, "fence");
  return fence->kind == CACHECORE_INT ? fence->as.integer : 0;
}

/* Takes a lock in a mode: "exclusive", "read", "write", or "semaphore" with so many `permits` (else 0). `owner` (may be
 * NULL) names who gets an exclusive lock again while it holds it. `renew` 0: the lease ends by itself. BUSY when others
 * held it for all of wait_ms. `*out` is read by cachecore_lock_handle and _fence, and freed by cachecore_result_free.
 */
static inline cachecore_status cachecore_lock_acquire_as(cachecore_handle *core, const char *name, int64_t lease_ms,
                                                         int64_t wait_ms, const char *mode, int64_t permits,
                                                         const char *owner, int32_t renew, cachecore_result **out,
                                                         cachecore_error *error) {
  cachecore_value args[7];
  args[0] = cachecore_text(name);
  args[1] = lease_ms == 0 ? cachecore_nil() : cachecore_int(lease_ms);
  args[2] = cachecore_int(wait_ms);
  args[3] = cachecore_text(mode);
  args[4] = permits == 0 ? cachecore_nil() : cachecore_int(permits);
  args[5] = owner == NULL ? cachecore_nil() : cachecore_text(owner);
  args[6] = cachecore_bool(renew != 0);
  return cachecore_invoke(core, "lock.acquire", args, 7, out, error);
}

/* Takes a lock alone, and lets its lease go on until it is released. */
static inline cachecore_status cachecore_lock_acquire(cachecore_handle *core, const char *name, int64_t lease_ms,
                                                      int64_t wait_ms, cachecore_result **out, cachecore_error *error) {
  return cachecore_lock_acquire_as(core, name, lease_ms, wait_ms, "exclusive", 0, NULL, 1, out, error);
}

/* Takes several, all or none: a LIST of MAPs {name, lock, fence} in the order of `names` (texts, each another). */
static inline cachecore_status cachecore_lock_acquire_many(cachecore_handle *core, const cachecore_value *names,
                                                           size_t count, int64_t lease_ms, int64_t wait_ms,
                                                           cachecore_result **out, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_list(names, count);
  args[1] = lease_ms == 0 ? cachecore_nil() : cachecore_int(lease_ms);
  args[2] = cachecore_int(wait_ms);
  return cachecore_invoke(core, "lock.acquire_many", args, 3, out, error);
}

/* Gives a lock back; the next who waits has it at once. CONFLICT: it was not held any more, and nothing was changed. */
static inline cachecore_status cachecore_lock_release(cachecore_handle *core, const cachecore_value *lock,
                                                      cachecore_error *error) {
  cachecore_value args[1];
  args[0] = lock != NULL ? *lock : cachecore_nil();
  return cachecore_invoke(core, "lock.release", args, 1, NULL, error);
}

/* Lets a lease go on for lease_ms from now (0: as acquired); never makes it shorter. `*left_ms` (may be NULL): for how
 * long it is held at least. CONFLICT: it is not held any more. */
static inline cachecore_status cachecore_lock_extend(cachecore_handle *core, const cachecore_value *lock,
                                                     int64_t lease_ms, int64_t *left_ms, cachecore_error *error) {
  cachecore_value args[2];
  cachecore_result *result;
  cachecore_status status;
  args[0] = lock != NULL ? *lock : cachecore_nil();
  args[1] = lease_ms == 0 ? cachecore_nil() : cachecore_int(lease_ms);
  status = cachecore_invoke(core, "lock.extend", args, 2, &result, error);
  if (left_ms != NULL) *left_ms = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* Who holds a lock and how many wait: a MAP (`cachectl describe lock.status`). `*out` is to be freed by
 * cachecore_result_free. */
static inline cachecore_status cachecore_lock_status(cachecore_handle *core, const char *name, cachecore_result **out,
                                                     cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(name);
  return cachecore_invoke(core, "lock.status", args, 1, out, error);
}

/* Takes a lock from all who hold it (`*count`, may be NULL, is how many); those who watch it are told. */
static inline cachecore_status cachecore_lock_force_release(cachecore_handle *core, const char *name, int64_t *count,
                                                            cachecore_error *error) {
  cachecore_value args[1];
  cachecore_result *result;
  cachecore_status status;
  args[0] = cachecore_text(name);
  status = cachecore_invoke(core, "lock.force_release", args, 1, &result, error);
  if (count != NULL) *count = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

#ifdef __cplusplus
}
#endif

#endif
