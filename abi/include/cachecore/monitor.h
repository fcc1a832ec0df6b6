/* monitor.h: the methods of the plugin `monitor` as C functions.
 *
 *     cachecore_monitor_record(core, "prices", 1, 0, &error);          a hit, counted for 24 hours
 *     if (cachecore_monitor_health(core, 500, &state, &error) == CACHECORE_OK) {
 *       printf("%s\n", cachecore_monitor_field(state, "status")->as.bytes.data);
 *     }
 *     cachecore_result_free(state);
 *
 * Each is cachecore_invoke and nothing else: the default timeout, and all that is said there about threads, borrowed
 * arguments and errors. What a method means is in its description (`cachectl describe monitor`).
 *
 * Everywhere: `type` is NUL-ended. Results are freed with cachecore_result_free.
 *
 * Conventions: value.h. All functions: [any thread, except from a continuation or a log callback], where they answer
 * INVALID_STATE: core.h says what these are. Since 0.1.
 */
#ifndef CACHECORE_MONITOR_H
#define CACHECORE_MONITOR_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A field of a result that is a MAP; NIL where there is none. Never NULL; lives as the result. */
static inline const cachecore_value *cachecore_monitor_field(const cachecore_result *result, const char *name) {
  static const cachecore_value nothing = {CACHECORE_NIL, 0, {0}};
  const cachecore_value *map = cachecore_result_value(result);
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

/* Tries a ping, a write, a read and a delete, each for `timeout_ms` at most (0: as configured). A server that does not
 * answer is an answer: `status` is "healthy", "degraded" or "unhealthy", `reason` and `message` say why. */
static inline cachecore_status cachecore_monitor_health(cachecore_handle *core, int64_t timeout_ms,
                                                        cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = timeout_ms == 0 ? cachecore_nil() : cachecore_int(timeout_ms);
  return cachecore_invoke(core, "monitor.health", args, 1, out, error);
}

/* Counts hits and misses of a type; they are written in batches. */
static inline cachecore_status cachecore_monitor_record(cachecore_handle *core, const char *type, int64_t hits,
                                                        int64_t misses, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(type);
  args[1] = cachecore_int(hits);
  args[2] = cachecore_int(misses);
  return cachecore_invoke(core, "monitor.record", args, 3, NULL, error);
}

/* Writes now what was counted: before a short program ends. */
static inline cachecore_status cachecore_monitor_flush(cachecore_handle *core, cachecore_error *error) {
  return cachecore_invoke(core, "monitor.flush", NULL, 0, NULL, error);
}

/* A MAP {hits, misses, total, hit_rate} of the last 24 hours; `type` NULL: a MAP of these by type. */
static inline cachecore_status cachecore_monitor_stats(cachecore_handle *core, const char *type, cachecore_result **out,
                                                       cachecore_error *error) {
  cachecore_value args[1];
  args[0] = type == NULL ? cachecore_nil() : cachecore_text(type);
  return cachecore_invoke(core, "monitor.stats", args, 1, out, error);
}

/* A MAP of what the servers say of themselves; `section` NULL: all. */
static inline cachecore_status cachecore_monitor_server(cachecore_handle *core, const char *section,
                                                        cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = section == NULL ? cachecore_nil() : cachecore_text(section);
  return cachecore_invoke(core, "monitor.server", args, 1, out, error);
}

/* Everything that is counted, as OpenMetrics text (BYTES). */
static inline cachecore_status cachecore_monitor_metrics(cachecore_handle *core, cachecore_result **out,
                                                         cachecore_error *error) {
  return cachecore_invoke(core, "monitor.metrics", NULL, 0, out, error);
}

/* What is beyond its threshold: a LIST of {name, severity, subject, message, value, threshold}. */
static inline cachecore_status cachecore_monitor_alerts(cachecore_handle *core, cachecore_result **out,
                                                        cachecore_error *error) {
  return cachecore_invoke(core, "monitor.alerts", NULL, 0, out, error);
}

/* The last slow calls of this process, and the servers' slow commands: {calls, servers}. */
static inline cachecore_status cachecore_monitor_slow(cachecore_handle *core, int64_t count, cachecore_result **out,
                                                      cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_int(count);
  return cachecore_invoke(core, "monitor.slow", args, 1, out, error);
}

#ifdef __cplusplus
}
#endif

#endif
