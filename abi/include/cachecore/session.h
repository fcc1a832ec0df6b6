/* session.h: the methods of the plugin `session` as C functions.
 *
 *     cachecore_pair who = {cachecore_text("name"), cachecore_text("Ada")};
 *     status = cachecore_session_create(core, "ada", &who, 1, NULL, &made, &error);
 *     if (status == CACHECORE_OK) set_cookie(cachecore_session_id(made));
 *     ...
 *     status = cachecore_session_get(core, cookie, &found, &error);
 *     if (status == CACHECORE_NOT_FOUND) answer_401();
 *     name = cachecore_session_attribute(found, "name");
 *     if (strcmp(cachecore_session_id(found), cookie) != 0) set_cookie(cachecore_session_id(found));
 *
 * Each is cachecore_invoke and nothing else: the default timeout, and all that is said there about threads, borrowed
 * arguments and errors. What a method means is in its description (`cachectl describe session`), and in the plugin's
 * README with what is guaranteed. Durations of single sessions are given by cachecore_invoke of session.create.
 *
 * Everywhere: texts are NUL-ended. An `id` is a secret, for the holder's cookie alone; a `handle` names a session for
 * ending it and opens nothing. `ticket` NULL: none. A number that is not NULL is always written, 0 when the call
 * failed.
 * `*out` is to be freed by cachecore_result_free.
 *
 * Conventions: value.h. All functions: [any thread, except from a continuation or a log callback], where they answer
 * INVALID_STATE: core.h says what these are. Since 0.1.
 */
#ifndef CACHECORE_SESSION_H
#define CACHECORE_SESSION_H

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What an answer says ---- */

/* A field of a MAP with text keys; NIL where there is none. Never NULL; lives as the MAP. */
static inline const cachecore_value *cachecore_session_field_of(const cachecore_value *map, const char *name) {
  static const cachecore_value nothing = {CACHECORE_NIL, 0, {0}};
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

/* A text of a MAP; "" where there is none. Lives as the MAP. */
static inline const char *cachecore_session_text_of(const cachecore_value *map, const char *name) {
  const cachecore_value *found = cachecore_session_field_of(map, name);
  return found->kind == CACHECORE_BYTES ? found->as.bytes.data : "";
}

/* Of create, get and regenerate: the id to use from now on. */
static inline const char *cachecore_session_id(const cachecore_result *result) {
  return cachecore_session_text_of(cachecore_result_value(result), "id");
}

/* Of create, get and regenerate: what names the session without opening it. */
static inline const char *cachecore_session_handle(const cachecore_result *result) {
  return cachecore_session_text_of(cachecore_result_value(result), "handle");
}

/* Whose it is; "" where nobody has logged in. */
static inline const char *cachecore_session_user(const cachecore_result *result) {
  return cachecore_session_text_of(cachecore_result_value(result), "user_id");
}

/* Its version, for cachecore_session_update; 0 where the result is none of create, get and regenerate. */
static inline int64_t cachecore_session_version(const cachecore_result *result) {
  const cachecore_value *found = cachecore_session_field_of(cachecore_result_value(result), "version");
  return found->kind == CACHECORE_INT ? found->as.integer : 0;
}

/* Of get and regenerate: an attribute; NIL where there is none. Never NULL; lives as the result. */
static inline const cachecore_value *cachecore_session_attribute(const cachecore_result *result, const char *name) {
  return cachecore_session_field_of(cachecore_session_field_of(cachecore_result_value(result), "attributes"), name);
}

/* ---- Sessions ---- */

/* Invokes a method whose answer is an INT or a BOOL, and writes that number to `*out` (may be NULL). */
static inline cachecore_status cachecore_session_invoke_number(cachecore_handle *core, const char *method,
                                                               const cachecore_value *args, size_t arg_count,
                                                               int64_t *out, cachecore_error *error) {
  cachecore_result *result;
  cachecore_status status = cachecore_invoke(core, method, args, arg_count, &result, error);
  if (out != NULL) *out = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* A ticket for a login of `user_id`, to be taken before the credentials are checked: BYTES. */
static inline cachecore_status cachecore_session_begin(cachecore_handle *core, const char *user_id,
                                                       cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(user_id);
  return cachecore_invoke(core, "session.begin", args, 1, out, error);
}

/* Makes a session with `count` attributes; `user_id` NULL: of somebody who is not logged in. CONFLICT: all sessions of
 * the user were ended since the ticket was given. */
static inline cachecore_status cachecore_session_create(cachecore_handle *core, const char *user_id,
                                                        const cachecore_pair *attributes, size_t count,
                                                        const char *ticket, cachecore_result **out,
                                                        cachecore_error *error) {
  cachecore_value args[6];
  args[0] = cachecore_text(user_id);
  args[1] = cachecore_map(attributes, count);
  args[2] = cachecore_nil();
  args[3] = cachecore_nil();
  args[4] = cachecore_nil();
  args[5] = cachecore_text(ticket);
  return cachecore_invoke(core, "session.create", args, 6, out, error);
}

/* Reads a session, and notes that it is used; NOT_FOUND: there is none, or not any more. */
static inline cachecore_status cachecore_session_get(cachecore_handle *core, const char *id, cachecore_result **out,
                                                     cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(id);
  return cachecore_invoke(core, "session.get", args, 1, out, error);
}

/* Changes `count` attributes; NIL removes one. `version` 0: whichever the session has, else CONFLICT when it has
 * another. `*new_version` (may be NULL) is the one it has then. */
static inline cachecore_status cachecore_session_update(cachecore_handle *core, const char *id,
                                                        const cachecore_pair *changes, size_t count, int64_t version,
                                                        int64_t *new_version, cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(id);
  args[1] = cachecore_map(changes, count);
  args[2] = version == 0 ? cachecore_nil() : cachecore_int(version);
  return cachecore_session_invoke_number(core, "session.update", args, 3, new_version, error);
}

/* Notes that a session is used; `*left_ms` (may be NULL) is when it expires unless it is used. */
static inline cachecore_status cachecore_session_refresh(cachecore_handle *core, const char *id, int64_t *left_ms,
                                                         cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(id);
  return cachecore_session_invoke_number(core, "session.refresh", args, 1, left_ms, error);
}

/* Gives a session a new id; the old one follows for 10 s if the session has a user. */
static inline cachecore_status cachecore_session_regenerate(cachecore_handle *core, const char *id,
                                                            cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(id);
  return cachecore_invoke(core, "session.regenerate", args, 1, out, error);
}

/* Somebody has logged in: a new id, and the old one ends at once. CONFLICT as of create. */
static inline cachecore_status cachecore_session_log_in(cachecore_handle *core, const char *id, const char *user_id,
                                                        const char *ticket, cachecore_result **out,
                                                        cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(id);
  args[1] = cachecore_text(user_id);
  args[2] = cachecore_text(ticket);
  return cachecore_invoke(core, "session.regenerate", args, 3, out, error);
}

/* Ends a session; `*existed` (may be NULL) is 1 if there was one. */
static inline cachecore_status cachecore_session_destroy(cachecore_handle *core, const char *id_or_handle,
                                                         int64_t *existed, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(id_or_handle);
  return cachecore_session_invoke_number(core, "session.destroy", args, 1, existed, error);
}

/* Lists the sessions of a user: a LIST of MAPs {handle, attributes, version, created_at_ms, seen_at_ms, ...}. */
static inline cachecore_status cachecore_session_list(cachecore_handle *core, const char *user_id,
                                                      cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(user_id);
  return cachecore_invoke(core, "session.list", args, 1, out, error);
}

/* Ends all sessions of a user, but for the one with the id or handle `except` (NULL: none); `*ended` (may be NULL) is
 * how many. */
static inline cachecore_status cachecore_session_destroy_all(cachecore_handle *core, const char *user_id,
                                                             const char *except, int64_t *ended,
                                                             cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(user_id);
  args[1] = cachecore_text(except);
  return cachecore_session_invoke_number(core, "session.destroy_all", args, 2, ended, error);
}

/* `*count` (may be NULL) is how many sessions a user has. */
static inline cachecore_status cachecore_session_count(cachecore_handle *core, const char *user_id, int64_t *count,
                                                       cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(user_id);
  return cachecore_session_invoke_number(core, "session.count", args, 1, count, error);
}

#ifdef __cplusplus
}
#endif

#endif
