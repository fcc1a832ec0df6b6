/* kv.h: the methods of the plugin `kv` as C functions.
 *
 *     cachecore_result *result;
 *     if (cachecore_kv_set(core, "greeting", "hello", 5, 60000, &error) != CACHECORE_OK) ...
 *     status = cachecore_kv_get(core, "greeting", &result, &error);
 *     if (status == CACHECORE_OK) puts(cachecore_result_value(result)->as.bytes.data);
 *     cachecore_result_free(result);
 *
 * Each is cachecore_invoke and nothing else: the default timeout, and all that is said there about threads, borrowed
 * arguments and errors. What a method means is in its description (`cachectl describe kv`). Calls that are made very
 * often find their method once with cachecore_method_find and use cachecore_call.
 *
 * Everywhere: `key` is NUL-ended. `ttl_ms` 0 is none: the key does not expire; > 0 milliseconds. A number that is not
 * NULL is always written, 0 when the call failed. kv.watch_expired is a stream: it is submitted (completions.h).
 *
 * Conventions: value.h. All functions: [any thread, except from a continuation or a log callback], where they answer
 * INVALID_STATE: core.h says what these are. Since 0.1.
 */
#ifndef CACHECORE_KV_H
#define CACHECORE_KV_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The value of a ttl_ms parameter. A negative one is passed on, for the method to refuse. */
static inline cachecore_value cachecore_kv_ttl_argument(int64_t ttl_ms) {
  return ttl_ms == 0 ? cachecore_nil() : cachecore_int(ttl_ms);
}

/* Invokes a method whose answer is an INT or a BOOL, and writes that number to `*out` (may be NULL). */
static inline cachecore_status cachecore_kv_invoke_number(cachecore_handle *core, const char *method,
                                                          const cachecore_value *args, size_t arg_count, int64_t *out,
                                                          cachecore_error *error) {
  cachecore_result *result;
  cachecore_status status = cachecore_invoke(core, method, args, arg_count, &result, error);
  if (out != NULL) *out = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* ---- Strings ---- */

/* Writes `size` bytes at `data`. */
static inline cachecore_status cachecore_kv_set(cachecore_handle *core, const char *key, const void *data, size_t size,
                                                int64_t ttl_ms, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_bytes(data, size);
  args[2] = cachecore_kv_ttl_argument(ttl_ms);
  return cachecore_invoke(core, "kv.set", args, 3, NULL, error);
}

/* Writes only where there is no key; `*written` (may be NULL) is then 1, else 0. */
static inline cachecore_status cachecore_kv_set_if_absent(cachecore_handle *core, const char *key, const void *data,
                                                          size_t size, int64_t ttl_ms, int64_t *written,
                                                          cachecore_error *error) {
  cachecore_value args[4];
  cachecore_pair condition;
  condition.key = cachecore_text("if");
  condition.value = cachecore_text("absent");
  args[0] = cachecore_text(key);
  args[1] = cachecore_bytes(data, size);
  args[2] = cachecore_kv_ttl_argument(ttl_ms);
  args[3] = cachecore_map(&condition, 1);
  return cachecore_kv_invoke_number(core, "kv.set", args, 4, written, error);
}

/* Reads a value: BYTES, or NOT_FOUND. `*out` is to be freed by cachecore_result_free. */
static inline cachecore_status cachecore_kv_get(cachecore_handle *core, const char *key, cachecore_result **out,
                                                cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(key);
  return cachecore_invoke(core, "kv.get", args, 1, out, error);
}

/* Writes `count` pairs of a key and a value. */
static inline cachecore_status cachecore_kv_set_many(cachecore_handle *core, const cachecore_pair *pairs, size_t count,
                                                     int64_t ttl_ms, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_map(pairs, count);
  args[1] = cachecore_kv_ttl_argument(ttl_ms);
  return cachecore_invoke(core, "kv.set_many", args, 2, NULL, error);
}

/* Reads `count` keys: a LIST in their order, NIL where there is none. `*out` is to be freed by cachecore_result_free.
 */
static inline cachecore_status cachecore_kv_get_many(cachecore_handle *core, const cachecore_value *keys, size_t count,
                                                     cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_list(keys, count);
  return cachecore_invoke(core, "kv.get_many", args, 1, out, error);
}

/* Adds `by` to a counter; `*count` (may be NULL) is what it counts now. `ttl_ms` is that of a counter made by this
 * call. */
static inline cachecore_status cachecore_kv_increment(cachecore_handle *core, const char *key, int64_t by,
                                                      int64_t ttl_ms, int64_t *count, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_int(by);
  args[2] = cachecore_kv_ttl_argument(ttl_ms);
  return cachecore_kv_invoke_number(core, "kv.increment", args, 3, count, error);
}

/* Writes `value` if the key holds `expected` (cachecore_nil(): if there is no key); `*written` (may be NULL) is then 1,
 * else 0. */
static inline cachecore_status cachecore_kv_compare_and_set(cachecore_handle *core, const char *key,
                                                            cachecore_value expected, cachecore_value value,
                                                            int64_t ttl_ms, int64_t *written, cachecore_error *error) {
  cachecore_value args[4];
  args[0] = cachecore_text(key);
  args[1] = expected;
  args[2] = value;
  args[3] = cachecore_kv_ttl_argument(ttl_ms);
  return cachecore_kv_invoke_number(core, "kv.compare_and_set", args, 4, written, error);
}

/* ---- JSON ---- */

/* Stores any value as JSON. */
static inline cachecore_status cachecore_kv_set_json(cachecore_handle *core, const char *key, cachecore_value value,
                                                     int64_t ttl_ms, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = value;
  args[2] = cachecore_kv_ttl_argument(ttl_ms);
  return cachecore_invoke(core, "kv.set_json", args, 3, NULL, error);
}

/* Reads it: the value, or NOT_FOUND; CORRUPT if it is no JSON, or not of `kind` ("map", "list", "text" ...; NULL: any).
 * `*out` is to be freed by cachecore_result_free. */
static inline cachecore_status cachecore_kv_get_json(cachecore_handle *core, const char *key, const char *kind,
                                                     cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(key);
  args[1] = cachecore_text(kind);
  return cachecore_invoke(core, "kv.get_json", args, 2, out, error);
}

/* ---- Keys of any type ---- */

/* Deletes a key; `*existed` (may be NULL) is 1 if there was one. */
static inline cachecore_status cachecore_kv_delete(cachecore_handle *core, const char *key, int64_t *existed,
                                                   cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(key);
  return cachecore_kv_invoke_number(core, "kv.delete", args, 1, existed, error);
}

/* Deletes `count` keys; `*deleted` (may be NULL) is how many there were. */
static inline cachecore_status cachecore_kv_delete_many(cachecore_handle *core, const cachecore_value *keys,
                                                        size_t count, int64_t *deleted, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_list(keys, count);
  return cachecore_kv_invoke_number(core, "kv.delete_many", args, 1, deleted, error);
}

/* Deletes the keys that match a glob; `*deleted` (may be NULL) is how many. It reads all keys, for which the default
 * timeout may be too short: cachecore_call takes another. */
static inline cachecore_status cachecore_kv_delete_matching(cachecore_handle *core, const char *pattern,
                                                            int64_t *deleted, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(pattern);
  return cachecore_kv_invoke_number(core, "kv.delete_matching", args, 1, deleted, error);
}

/* `*exists` is 1 if there is such a key, else 0. */
static inline cachecore_status cachecore_kv_exists(cachecore_handle *core, const char *key, int64_t *exists,
                                                   cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(key);
  return cachecore_kv_invoke_number(core, "kv.exists", args, 1, exists, error);
}

/* Lets a key expire in `ttl_ms`, which is > 0; -1: never. NOT_FOUND if there is no such key. */
static inline cachecore_status cachecore_kv_expire(cachecore_handle *core, const char *key, int64_t ttl_ms,
                                                   cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(key);
  args[1] = cachecore_int(ttl_ms);
  return cachecore_invoke(core, "kv.expire", args, 2, NULL, error);
}

/* `*ttl_ms` is how long it lives on, -1 without expiry; NOT_FOUND if there is no such key. */
static inline cachecore_status cachecore_kv_ttl(cachecore_handle *core, const char *key, int64_t *ttl_ms,
                                                cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(key);
  return cachecore_kv_invoke_number(core, "kv.ttl", args, 1, ttl_ms, error);
}

/* ---- Hashes ---- */

/* Sets a field to `size` bytes at `data`; `*added` (may be NULL) is 1 if the field is new. */
static inline cachecore_status cachecore_kv_hash_set(cachecore_handle *core, const char *key, const char *field,
                                                     const void *data, size_t size, int64_t *added,
                                                     cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_text(field);
  args[2] = cachecore_bytes(data, size);
  return cachecore_kv_invoke_number(core, "kv.hash_set", args, 3, added, error);
}

/* Reads a field: BYTES, or NOT_FOUND. `*out` is to be freed by cachecore_result_free. */
static inline cachecore_status cachecore_kv_hash_get(cachecore_handle *core, const char *key, const char *field,
                                                     cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(key);
  args[1] = cachecore_text(field);
  return cachecore_invoke(core, "kv.hash_get", args, 2, out, error);
}

/* Reads all fields: a MAP, or NOT_FOUND. `*out` is to be freed by cachecore_result_free. */
static inline cachecore_status cachecore_kv_hash_get_all(cachecore_handle *core, const char *key,
                                                         cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(key);
  return cachecore_invoke(core, "kv.hash_get_all", args, 1, out, error);
}

/* Sets `count` fields, and the expiry of the whole hash (0: stays as it is). */
static inline cachecore_status cachecore_kv_hash_set_many(cachecore_handle *core, const char *key,
                                                          const cachecore_pair *fields, size_t count, int64_t ttl_ms,
                                                          cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_map(fields, count);
  args[2] = cachecore_kv_ttl_argument(ttl_ms);
  return cachecore_invoke(core, "kv.hash_set_many", args, 3, NULL, error);
}

/* Adds `by` to a field; `*count` (may be NULL) is what it counts now. */
static inline cachecore_status cachecore_kv_hash_increment(cachecore_handle *core, const char *key, const char *field,
                                                           int64_t by, int64_t *count, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_text(field);
  args[2] = cachecore_int(by);
  return cachecore_kv_invoke_number(core, "kv.hash_increment", args, 3, count, error);
}

/* Deletes a field; `*existed` (may be NULL) is 1 if there was one. */
static inline cachecore_status cachecore_kv_hash_delete(cachecore_handle *core, const char *key, const char *field,
                                                        int64_t *existed, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(key);
  args[1] = cachecore_text(field);
  return cachecore_kv_invoke_number(core, "kv.hash_delete", args, 2, existed, error);
}

/* ---- Lists ---- */

/* Adds `size` bytes at `data` at the `side` "left" or "right" (NULL: right); `*length` (may be NULL) is the list's new
 * length. */
static inline cachecore_status cachecore_kv_list_push(cachecore_handle *core, const char *key, const void *data,
                                                      size_t size, const char *side, int64_t *length,
                                                      cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_bytes(data, size);
  args[2] = cachecore_text(side);
  return cachecore_kv_invoke_number(core, "kv.list_push", args, 3, length, error);
}

/* Takes from the `side` "left" or "right" (NULL: left): BYTES, or NOT_FOUND. `*out` is to be freed by
 * cachecore_result_free. */
static inline cachecore_status cachecore_kv_list_pop(cachecore_handle *core, const char *key, const char *side,
                                                     cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(key);
  args[1] = cachecore_text(side);
  return cachecore_invoke(core, "kv.list_pop", args, 2, out, error);
}

/* Reads the items from `start` to `stop`, itself included; negative ones count from the end (0 and -1: all). A LIST,
 * empty where there is none. `*out` is to be freed by cachecore_result_free. */
static inline cachecore_status cachecore_kv_list_range(cachecore_handle *core, const char *key, int64_t start,
                                                       int64_t stop, cachecore_result **out, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_int(start);
  args[2] = cachecore_int(stop);
  return cachecore_invoke(core, "kv.list_range", args, 3, out, error);
}

/* Removes items that equal the `size` bytes at `data`: `count` at most from the left, negative: from the right, 0: all.
 * `*removed` (may be NULL) is how many. */
static inline cachecore_status cachecore_kv_list_remove(cachecore_handle *core, const char *key, const void *data,
                                                        size_t size, int64_t count, int64_t *removed,
                                                        cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(key);
  args[1] = cachecore_bytes(data, size);
  args[2] = cachecore_int(count);
  return cachecore_kv_invoke_number(core, "kv.list_remove", args, 3, removed, error);
}

#ifdef __cplusplus
}
#endif

#endif
