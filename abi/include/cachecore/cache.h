/* cache.h: the methods of the plugin `cache` as C functions, and loading through it.
 *
 *     static cachecore_status load_user(void *context, cachecore_value *value, cachecore_error *error) {
 *       struct user *user = context;
 *       switch (ask_database(user)) {
 *         case FOUND: *value = cachecore_text(user->name); return CACHECORE_OK;
 *         case NOBODY: return CACHECORE_NOT_FOUND;
 *         default: snprintf(error->message, sizeof error->message, "the database is away");
 *       }
 *       return CACHECORE_LOADER_FAILED;
 *     }
 *
 *     status = cachecore_cache_get_or_load(core, "users", "42", load_user, &user, &found, &error);
 *     if (status != CACHECORE_OK) {
 *       fprintf(stderr, "%s\n", error.message);
 *     } else if (cachecore_cache_value(found)->kind == CACHECORE_NIL) {
 *       puts("there is no such user");                 // OK as well: it is known, and cached, that there is none
 *     } else {
 *       puts(cachecore_cache_value(found)->as.bytes.data);
 *     }
 *     cachecore_result_free(found);
 *
 * However many threads ask at once, the loader runs on one of them, and the others wait for what it gives. Most of the
 * functions are cachecore_invoke and nothing else: the default timeout, and all that is said there about threads,
 * borrowed arguments and errors. What a method means is in its description (`cachectl describe cache`).
 *
 * Waiting. Who finds that somebody else loads waits up to 30 s (the default of cache.lookup's `wait_ms`) beyond the
 * usual timeout of a call, then gets TIMEOUT; cachecore_invoke of cache.lookup takes another `wait_ms`. Who is told to
 * load and then looks up the same key before storing waits for itself: until the lease expires (`load_timeout_ms`).
 *
 * Everywhere: `region` and `key` are NUL-ended. `ttl_ms` 0: what the region's policy says.
 *
 * Conventions: value.h. All functions: [any thread, except from a continuation or a log callback], where they answer
 * INVALID_STATE: core.h says what these are. Since 0.1.
 */
#ifndef CACHECORE_CACHE_H
#define CACHECORE_CACHE_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many tags a value may have. */
#define CACHECORE_CACHE_MOST_TAGS 32

/* ---- What a lookup says ---- */

/* A field of a result that is a MAP with text keys; NIL where there is none. Never NULL; lives as the result. */
static inline const cachecore_value *cachecore_cache_field(const cachecore_result *result, const char *name) {
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

/* The value: of a hit, a stale one, or one that was loaded. NIL: it is known that there is none. */
static inline const cachecore_value *cachecore_cache_value(const cachecore_result *result) {
  return cachecore_cache_field(result, "value");
}

/* Of lookup: "hit", "stale", "load"; of lookup_many also "loading". Of get_or_load: "hit", "stale", "loaded". Of
 * get_with_fallback also "fallback". */
static inline const char *cachecore_cache_state(const cachecore_result *result) {
  const cachecore_value *state = cachecore_cache_field(result, "state");
  return state->kind == CACHECORE_BYTES ? state->as.bytes.data : "";
}

/* How old the value is in ms; -1 where there is none. */
static inline int64_t cachecore_cache_age_ms(const cachecore_result *result) {
  const cachecore_value *age = cachecore_cache_field(result, "age_ms");
  return age->kind == CACHECORE_INT ? age->as.integer : -1;
}

/* The lease, for the one who is told to load; else NIL. */
static inline const cachecore_value *cachecore_cache_lease(const cachecore_result *result) {
  return cachecore_cache_field(result, "lease");
}

/* Writes an error; `error` may be NULL. Returns `status`. */
static inline cachecore_status cachecore_cache_explain(cachecore_error *error, cachecore_status status,
                                                       const char *message) {
  cachecore_error written = {CACHECORE_OK, "", ""};
  size_t i;
  if (error == NULL) return status;
  written.status = status;
  for (i = 0; message[i] != '\0' && i < sizeof(written.message) - 1; i++) written.message[i] = message[i];
  *error = written;
  return status;
}

/* ---- The lease protocol ---- */

/* Reads a key, or waits for whoever loads it, or is told to load: then `*out` has a lease, which cachecore_cache_store
 * or cachecore_cache_fail has to end. LOADER_FAILED when the load it waited for failed; TIMEOUT when that took longer
 * than the usual timeout and 30 s. A second lookup of the key on this thread, before the lease is ended, waits for
 * itself. `*out` is to be freed by cachecore_result_free. */
static inline cachecore_status cachecore_cache_lookup(cachecore_handle *core, const char *region, const char *key,
                                                      cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(region);
  args[1] = cachecore_text(key);
  return cachecore_invoke(core, "cache.lookup", args, 2, out, error);
}

/* Ends a lease with a value; NIL: there is none, and that is cached. `*kept` (may be NULL) is 1 if it is cached now, 0
 * if an invalidation came meanwhile or the server is away. CONFLICT: the lease had expired; nothing was changed. */
static inline cachecore_status cachecore_cache_store(cachecore_handle *core, const cachecore_value *lease,
                                                     cachecore_value value, int64_t ttl_ms, int64_t *kept,
                                                     cachecore_error *error) {
  cachecore_value args[3];
  cachecore_result *result;
  cachecore_status status;
  args[0] = lease != NULL ? *lease : cachecore_nil();
  args[1] = value;
  args[2] = ttl_ms == 0 ? cachecore_nil() : cachecore_int(ttl_ms);
  status = cachecore_invoke(core, "cache.store", args, 3, &result, error);
  if (kept != NULL) *kept = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* Ends a lease: the load failed. All who wait get LOADER_FAILED with `message`. */
static inline cachecore_status cachecore_cache_fail(cachecore_handle *core, const cachecore_value *lease,
                                                    const char *message, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = lease != NULL ? *lease : cachecore_nil();
  args[1] = cachecore_text(message);
  return cachecore_invoke(core, "cache.fail", args, 2, NULL, error);
}

/* As store, with tags: `tag_count` NUL-ended texts, at most 32, that cachecore_cache_invalidate_tag ends it by. */
static inline cachecore_status cachecore_cache_store_tagged(cachecore_handle *core, const cachecore_value *lease,
                                                            cachecore_value value, int64_t ttl_ms,
                                                            const char *const *tags, size_t tag_count, int64_t *kept,
                                                            cachecore_error *error) {
  cachecore_value list[CACHECORE_CACHE_MOST_TAGS];
  cachecore_value args[4];
  cachecore_result *result;
  cachecore_status status;
  size_t i;
  if (kept != NULL) *kept = 0;
  if (tag_count > CACHECORE_CACHE_MOST_TAGS) {
    return cachecore_cache_explain(error, CACHECORE_INVALID_ARGUMENT,
                                   "cachecore_cache_store_tagged: tag_count must be at most 32");
  }
  for (i = 0; i < tag_count; i++) list[i] = cachecore_text(tags[i]);
  args[0] = lease != NULL ? *lease : cachecore_nil();
  args[1] = value;
  args[2] = ttl_ms == 0 ? cachecore_nil() : cachecore_int(ttl_ms);
  args[3] = cachecore_list(list, i);
  status = cachecore_invoke(core, "cache.store", args, 4, &result, error);
  if (kept != NULL) *kept = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* As lookup, but this caller is told to load though the value may be fresh, while the others go on with that; or it
 * waits for the load that is under way. */
static inline cachecore_status cachecore_cache_refresh(cachecore_handle *core, const char *region, const char *key,
                                                       cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(region);
  args[1] = cachecore_text(key);
  return cachecore_invoke(core, "cache.refresh", args, 2, out, error);
}

/* Looks up `count` keys (BYTES) together: a LIST of what lookup answers, in their order, or of an ERROR. A key that
 * somebody else loads has the state "loading" when there are others that this caller was told to load: store those, and
 * look it up again. A caller that is told nothing waits. */
static inline cachecore_status cachecore_cache_lookup_many(cachecore_handle *core, const char *region,
                                                           const cachecore_value *keys, size_t count,
                                                           cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(region);
  args[1] = cachecore_list(keys, count);
  return cachecore_invoke(core, "cache.lookup_many", args, 2, out, error);
}

/* Ends several leases together: `loads` are MAPs {lease, value, ttl_ms?, tags?}. A LIST of what store answers, or of an
 * ERROR. */
static inline cachecore_status cachecore_cache_store_many(cachecore_handle *core, const cachecore_value *loads,
                                                          size_t count, cachecore_result **out,
                                                          cachecore_error *error) {
  const cachecore_value list = cachecore_list(loads, count);
  return cachecore_invoke(core, "cache.store_many", &list, 1, out, error);
}

/* ---- Without loading ---- */

/* Says how a region is cached, in this process: `count` pairs of a name and a value. What is not named is as the
 * plugin's configuration says (`defaults`), and without that:
 *
 *     ttl_ms            300000   how long a value is fresh
 *     jitter            0        up to this part (0 to 1) of each ttl is taken off at random
 *     negative_ttl_ms   30000    how long a cached "there is none" is fresh, but not longer than ttl_ms; 0: not cached
 *     stale_ms          0        how long after its ttl a value may be served while one loads, or the loader fails
 *     eager             0        loads a value before it expires, with a probability that rises towards its end; 1
 *     load_timeout_ms   30000    how long a loader may take before the next who waits is told to load
 *     distributed       false    one load of a key at a time in all processes, not only in each
 *     outage_ttl_ms     0        how long what is loaded while the server is away is kept in the process; 1000 with l1
 *     l1                none     a MAP: copies in the process, see below
 *     tags              none     a LIST of texts: tags of every value
 *     codec             "json"   any value; "bytes": bytes alone, anything else is refused
 *     compress_above    none     values of more bytes are stored compressed
 *     bloom             none     a MAP {capacity, error_rate}: keys that bloom_add did not name are answered NIL
 *     encrypt           none     values are stored encrypted with the key of this id (configuration: encryption_keys)
 *
 * Of l1, all of them optional:
 *
 *     max_bytes         16 MiB   all memory of the copies, at least 65536
 *     max_entries       0        how many copies; 0: as many as max_bytes allows
 *     max_stale_ms      2000     how far a copy may be behind the server, whatever dies. 0: the server is not asked to
 *                                tell of changes, and ttl_ms is the bound
 *     ttl_ms            0        how long a copy is served at most; 0: while its value is fresh
 */
static inline cachecore_status cachecore_cache_define(cachecore_handle *core, const char *region,
                                                      const cachecore_pair *fields, size_t count,
                                                      cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(region);
  args[1] = cachecore_map(fields, count);
  return cachecore_invoke(core, "cache.define", args, 2, NULL, error);
}

/* Reads a value that is cached and fresh: the value itself, or NOT_FOUND. `*out` is to be freed by
 * cachecore_result_free. */
static inline cachecore_status cachecore_cache_get(cachecore_handle *core, const char *region, const char *key,
                                                   cachecore_result **out, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(region);
  args[1] = cachecore_text(key);
  return cachecore_invoke(core, "cache.get", args, 2, out, error);
}

/* Caches a value. */
static inline cachecore_status cachecore_cache_set(cachecore_handle *core, const char *region, const char *key,
                                                   cachecore_value value, int64_t ttl_ms, cachecore_error *error) {
  cachecore_value args[4];
  args[0] = cachecore_text(region);
  args[1] = cachecore_text(key);
  args[2] = value;
  args[3] = ttl_ms == 0 ? cachecore_nil() : cachecore_int(ttl_ms);
  return cachecore_invoke(core, "cache.set", args, 4, NULL, error);
}

/* Removes a key; `*existed` (may be NULL) is 1 if there was one. No later lookup is answered by a load that began
 * before. */
static inline cachecore_status cachecore_cache_delete(cachecore_handle *core, const char *region, const char *key,
                                                      int64_t *existed, cachecore_error *error) {
  cachecore_value args[2];
  cachecore_result *result;
  cachecore_status status;
  args[0] = cachecore_text(region);
  args[1] = cachecore_text(key);
  status = cachecore_invoke(core, "cache.delete", args, 2, &result, error);
  if (existed != NULL) *existed = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* Invalidates all keys of a region that match a glob ("*": all). */
static inline cachecore_status cachecore_cache_invalidate(cachecore_handle *core, const char *region,
                                                          const char *pattern, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(region);
  args[1] = cachecore_text(pattern);
  return cachecore_invoke(core, "cache.invalidate", args, 2, NULL, error);
}

/* Invalidates all values of a region that have a tag. No later lookup is answered by a load that began before. */
static inline cachecore_status cachecore_cache_invalidate_tag(cachecore_handle *core, const char *region,
                                                              const char *tag, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(region);
  args[1] = cachecore_text(tag);
  return cachecore_invoke(core, "cache.invalidate_tag", args, 2, NULL, error);
}

/* Invalidates all keys of a region. */
static inline cachecore_status cachecore_cache_clear(cachecore_handle *core, const char *region,
                                                     cachecore_error *error) {
  const cachecore_value name = cachecore_text(region);
  return cachecore_invoke(core, "cache.clear", &name, 1, NULL, error);
}

/* ---- Loading ---- */

/* Asks the source; runs on the thread that called get_or_load, at most once a call of it.
 *
 *     OK              `*value` (NIL before) is what the source has; NIL: there is none
 *     NOT_FOUND       there is none, and that is cached: the answer is a NIL
 *     anything else   it failed, and get_or_load answers LOADER_FAILED whatever the number was; `error` is never NULL,
 *                     its message (empty before) may say why
 *
 * What `*value` points to stays the loader's: it must live until get_or_load returns, which copies it, so it belongs
 * into what `context` points to, and not into variables of the loader. The loader may call cachecore, but not look up
 * the key it loads: that waits for itself. It must not throw, nor leave by longjmp: the lease would stay until it
 * expires, and everybody who asks for the key would wait as long.
 *
 * It is not interrupted. If it takes longer than the region's `load_timeout_ms` (30 s), the next who waits loads too;
 * the late value is given to its own caller and not stored. */
typedef cachecore_status (*cachecore_cache_loader)(void *context, cachecore_value *value, cachecore_error *error);

/* Makes a result of `value` as lookup gives them, a copy by way of JSON: INVALID_ARGUMENT for what JSON cannot hold. */
static inline cachecore_status cachecore_cache_make_result(const char *state, cachecore_value value, int64_t age_ms,
                                                           cachecore_result **out, cachecore_error *error) {
  cachecore_pair pairs[4];
  cachecore_value map;
  cachecore_result *json = NULL;
  cachecore_status status;
  pairs[0].key = cachecore_text("state");
  pairs[0].value = cachecore_text(state);
  pairs[1].key = cachecore_text("value");
  pairs[1].value = value;
  pairs[2].key = cachecore_text("age_ms");
  pairs[2].value = cachecore_int(age_ms);
  pairs[3].key = cachecore_text("lease");
  pairs[3].value = cachecore_nil();
  map = cachecore_map(pairs, 4);
  *out = NULL;
  status = cachecore_json_encode(&map, &json, error);
  if (status == CACHECORE_OK) {
    const cachecore_bytes_view text = cachecore_result_value(json)->as.bytes;
    status = cachecore_json_decode(text.data, text.size, out, error);
  }
  cachecore_result_free(json);
  return status;
}

/* Runs the loader: OK with a value (NIL for NOT_FOUND), or LOADER_FAILED with its message in `error`. */
static inline cachecore_status cachecore_cache_run_loader(cachecore_cache_loader loader, void *context,
                                                          cachecore_value *value, cachecore_error *error) {
  cachecore_status status;
  *value = cachecore_nil();
  (void)cachecore_cache_explain(error, CACHECORE_OK, "");
  status = loader(context, value, error);
  if (status == CACHECORE_OK) return CACHECORE_OK;
  *value = cachecore_nil();
  if (status == CACHECORE_NOT_FOUND) return CACHECORE_OK;
  error->status = CACHECORE_LOADER_FAILED;
  error->message[sizeof(error->message) - 1] = '\0';
  if (error->message[0] != '\0') return CACHECORE_LOADER_FAILED;
  return cachecore_cache_explain(error, CACHECORE_LOADER_FAILED, "the loader failed");
}

/* The value of a key: cached, waited for, or from `loader`, which is then stored for all. `*out` is to be read by
 * cachecore_cache_value and freed by cachecore_result_free.
 *
 * A value that was loaded is given also when it could not be stored: the server is away, the lease has expired, it was
 * invalidated meanwhile. Not so a value that no region can hold, which is INVALID_ARGUMENT: a double that is not finite
 * (JSON has none), or what the codec "bytes" refuses. TIMEOUT after waiting for another's load: see above.
 *
 * When the loader fails: the stale value where there is one, with the state "stale" and its age, and then `*error`
 * holds the loader's message with the status LOADER_FAILED although OK is returned; else LOADER_FAILED. */
static inline cachecore_status cachecore_cache_get_or_load(cachecore_handle *core, const char *region, const char *key,
                                                           cachecore_cache_loader loader, void *context,
                                                           cachecore_result **out, cachecore_error *error) {
  cachecore_result *looked_up = NULL;
  cachecore_error failed;
  cachecore_value value;
  cachecore_value lease;
  cachecore_status status;
  if (out != NULL) *out = NULL;
  if (out == NULL || loader == NULL) {
    return cachecore_cache_explain(error, CACHECORE_INVALID_ARGUMENT,
                                   "cachecore_cache_get_or_load: loader and out must not be NULL");
  }
  status = cachecore_cache_lookup(core, region, key, &looked_up, error);
  *out = looked_up;
  if (status != CACHECORE_OK) return status;
  lease = *cachecore_cache_lease(looked_up);
  if (lease.kind == CACHECORE_NIL) return CACHECORE_OK;

  status = cachecore_cache_run_loader(loader, context, &value, &failed);
  if (status != CACHECORE_OK) {
    (void)cachecore_cache_fail(core, &lease, failed.message, NULL);
    *out = NULL;
    if (cachecore_cache_age_ms(looked_up) >= 0 &&
        cachecore_cache_make_result("stale", *cachecore_cache_value(looked_up), cachecore_cache_age_ms(looked_up), out,
                                    NULL) == CACHECORE_OK) {
      status = CACHECORE_OK;
    }
    cachecore_result_free(looked_up);
    if (error != NULL) *error = failed;
    return status;
  }
  status = cachecore_cache_store(core, &lease, value, 0, NULL, &failed);
  if (status == CACHECORE_INVALID_ARGUMENT) {
    /* What cannot be stored (codec, NaN) must not keep the others waiting for a store. */
    (void)cachecore_cache_fail(core, &lease, failed.message, NULL);
    *out = NULL;
    if (error != NULL) *error = failed;
  } else {
    status = cachecore_cache_make_result("loaded", value, 0, out, error);
  }
  cachecore_result_free(looked_up);
  return status;
}

/* As get_or_load, but asks the loader itself when the cache cannot answer, and gives `fallback` when the loader fails:
 * then with the state "fallback", and the loader's message in `*error`, whose status is LOADER_FAILED although OK is
 * returned. What the cache or the loader came to is never an error here. Errors that stay are the program's: wrong
 * arguments, a value or fallback that JSON cannot hold (INVALID_ARGUMENT), FORKED, NO_MEMORY. */
static inline cachecore_status cachecore_cache_get_with_fallback(cachecore_handle *core, const char *region,
                                                                 const char *key, cachecore_cache_loader loader,
                                                                 void *context, cachecore_value fallback,
                                                                 cachecore_result **out, cachecore_error *error) {
  cachecore_error failed;
  cachecore_value value;
  cachecore_status status = cachecore_cache_get_or_load(core, region, key, loader, context, out, &failed);
  if (status < 0 && status != CACHECORE_INVALID_ARGUMENT && status != CACHECORE_FORKED) {
    if (status != CACHECORE_LOADER_FAILED &&
        cachecore_cache_run_loader(loader, context, &value, &failed) == CACHECORE_OK) {
      return cachecore_cache_make_result("loaded", value, 0, out, error);
    }
    status = cachecore_cache_make_result("fallback", fallback, 0, out, error);
    if (status != CACHECORE_OK) return status;
  }
  if (error != NULL) *error = failed;
  return status;
}

#ifdef __cplusplus
}
#endif

#endif
