/* auth.h: the methods of the plugin `auth` as C functions.
 *
 *     cachecore_result *made, *found;
 *     status = cachecore_auth_issue(core, "ada", cachecore_nil(), 0, NULL, 0, NULL, NULL, &made, &error);
 *     if (status == CACHECORE_OK) send(cachecore_auth_text(made, "token"));
 *     cachecore_result_free(made);
 *     ...
 *     status = cachecore_auth_verify(core, presented, presented_size, &found, &error);
 *     if (status == CACHECORE_OK) welcome(cachecore_auth_text(found, "user_id"));
 *     cachecore_result_free(found);
 *
 * Only CACHECORE_OK lets in: NOT_FOUND means that the token is not good, any other status that nobody could tell.
 *
 * Each is cachecore_invoke and nothing else: the default timeout, and all that is said there about threads, borrowed
 * arguments and errors. What a method means is in its description (`cachectl describe auth`). Calls that are made very
 * often find their method once with cachecore_method_find and use cachecore_call.
 *
 * Everywhere: `user_id` is NUL-ended; a token, handle or ticket is `size` bytes, as a client sent it. An optional text
 * is NULL, an optional number 0 when it is left out. A number that is not NULL is always written, 0 when the call
 * failed.
 * `*out` is to be freed by cachecore_result_free; what is read out of it lives as long.
 *
 * Conventions: value.h. All functions: [any thread, except from a continuation or a log callback], where they answer
 * INVALID_STATE: core.h says what these are. Since 0.1.
 */
#ifndef CACHECORE_AUTH_H
#define CACHECORE_AUTH_H

#include <string.h>

#include "core.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline cachecore_value cachecore_auth_number_or_nil(int64_t number) {
  return number == 0 ? cachecore_nil() : cachecore_int(number);
}

static inline cachecore_value cachecore_auth_text_or_nil(const char *text) {
  return text == NULL ? cachecore_nil() : cachecore_text(text);
}

/* Invokes a method whose answer is an INT or a BOOL, and writes that number to `*out` (may be NULL). */
static inline cachecore_status cachecore_auth_invoke_number(cachecore_handle *core, const char *method,
                                                            const cachecore_value *args, size_t arg_count, int64_t *out,
                                                            cachecore_error *error) {
  cachecore_result *result;
  cachecore_status status = cachecore_invoke(core, method, args, arg_count, &result, error);
  if (out != NULL) *out = status == CACHECORE_OK ? cachecore_result_value(result)->as.integer : 0;
  cachecore_result_free(result);
  return status;
}

/* A field of a MAP answer, or NULL when there is none. */
static inline const cachecore_value *cachecore_auth_field(const cachecore_result *result, const char *name) {
  const cachecore_value *map = result == NULL ? NULL : cachecore_result_value(result);
  size_t size = strlen(name);
  size_t i;
  if (map == NULL || map->kind != CACHECORE_MAP) return NULL;
  for (i = 0; i < map->as.map.count; i++) {
    const cachecore_value *key = &map->as.map.pairs[i].key;
    if (key->kind == CACHECORE_BYTES && key->as.bytes.size == size && memcmp(key->as.bytes.data, name, size) == 0) {
      return &map->as.map.pairs[i].value;
    }
  }
  return NULL;
}

/* A field that is text, NUL-ended, or NULL: "token", "refresh_token", "handle", "user_id", "device". */
static inline const char *cachecore_auth_text(const cachecore_result *result, const char *name) {
  const cachecore_value *field = cachecore_auth_field(result, name);
  return field != NULL && field->kind == CACHECORE_BYTES ? field->as.bytes.data : NULL;
}

/* A field that is a number or BOOL, or 0: "expires_at", "refresh_expires_at", "created_at", "pair", "allowed",
 * "remaining", "retry_after_ms". */
static inline int64_t cachecore_auth_number(const cachecore_result *result, const char *name) {
  const cachecore_value *field = cachecore_auth_field(result, name);
  return field != NULL && (field->kind == CACHECORE_INT || field->kind == CACHECORE_BOOL) ? field->as.integer : 0;
}

/* Begins a sign-in before the credentials are checked: the answer, BYTES, is the ticket for issue or issue_pair. */
static inline cachecore_status cachecore_auth_begin(cachecore_handle *core, const char *user_id, cachecore_result **out,
                                                    cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(user_id);
  return cachecore_invoke(core, "auth.begin", args, 1, out, error);
}

/* Makes a token: MAP {token, handle, expires_at}. All but the user may be left out: `metadata` cachecore_nil(), numbers
 * 0, texts NULL. `ticket` is what begin answered, `token` one that the caller made. CONFLICT: revoked after the ticket.
 */
static inline cachecore_status cachecore_auth_issue(cachecore_handle *core, const char *user_id,
                                                    cachecore_value metadata, int64_t ttl_ms, const char *device,
                                                    int64_t max_per_user, const char *ticket, const char *token,
                                                    cachecore_result **out, cachecore_error *error) {
  cachecore_value args[7];
  args[0] = cachecore_text(user_id);
  args[1] = metadata;
  args[2] = cachecore_auth_number_or_nil(ttl_ms);
  args[3] = cachecore_auth_text_or_nil(device);
  args[4] = cachecore_auth_number_or_nil(max_per_user);
  args[5] = cachecore_auth_text_or_nil(ticket);
  args[6] = cachecore_auth_text_or_nil(token);
  return cachecore_invoke(core, "auth.issue", args, 7, out, error);
}

/* Makes a token and a refresh token: MAP {token, refresh_token, handle, expires_at, refresh_expires_at}. What may be
 * left out: as issue. */
static inline cachecore_status cachecore_auth_issue_pair(cachecore_handle *core, const char *user_id,
                                                         cachecore_value metadata, int64_t ttl_ms,
                                                         int64_t refresh_ttl_ms, const char *device,
                                                         int64_t max_per_user, const char *ticket,
                                                         cachecore_result **out, cachecore_error *error) {
  cachecore_value args[7];
  args[0] = cachecore_text(user_id);
  args[1] = metadata;
  args[2] = cachecore_auth_number_or_nil(ttl_ms);
  args[3] = cachecore_auth_number_or_nil(refresh_ttl_ms);
  args[4] = cachecore_auth_text_or_nil(device);
  args[5] = cachecore_auth_number_or_nil(max_per_user);
  args[6] = cachecore_auth_text_or_nil(ticket);
  return cachecore_invoke(core, "auth.issue_pair", args, 7, out, error);
}

/* Tells whose a token is: MAP {user_id, metadata, device, created_at, expires_at, pair}, or NOT_FOUND. */
static inline cachecore_status cachecore_auth_verify(cachecore_handle *core, const char *token, size_t size,
                                                     cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_bytes(token, size);
  return cachecore_invoke(core, "auth.verify", args, 1, out, error);
}

/* Lets a token end at the latest after ttl_ms; `*expires_at` (may be NULL) is when it ends. */
static inline cachecore_status cachecore_auth_expire(cachecore_handle *core, const char *token, size_t size,
                                                     int64_t ttl_ms, int64_t *expires_at, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_bytes(token, size);
  args[1] = cachecore_int(ttl_ms);
  return cachecore_auth_invoke_number(core, "auth.expire", args, 2, expires_at, error);
}

/* Ends the sign-in of a token, a refresh token or a handle; with `user_id` only that user's. `*ended` (may be NULL) is
 * 1 if there was one, else 0. */
static inline cachecore_status cachecore_auth_revoke(cachecore_handle *core, const char *token_or_handle, size_t size,
                                                     const char *user_id, int64_t *ended, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_bytes(token_or_handle, size);
  args[1] = cachecore_auth_text_or_nil(user_id);
  return cachecore_auth_invoke_number(core, "auth.revoke", args, 2, ended, error);
}

/* Ends all sign-ins of a user but that of `except` (a token or handle, NUL-ended, or NULL); `*ended` (may be NULL) is
 * how many. */
static inline cachecore_status cachecore_auth_revoke_all(cachecore_handle *core, const char *user_id,
                                                         const char *except, int64_t *ended, cachecore_error *error) {
  cachecore_value args[2];
  args[0] = cachecore_text(user_id);
  args[1] = cachecore_auth_text_or_nil(except);
  return cachecore_auth_invoke_number(core, "auth.revoke_all", args, 2, ended, error);
}

/* The sign-ins of a user: LIST of MAP {handle, pair, metadata, device, created_at, expires_at, rotated_at}. */
static inline cachecore_status cachecore_auth_list(cachecore_handle *core, const char *user_id, cachecore_result **out,
                                                   cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_text(user_id);
  return cachecore_invoke(core, "auth.list", args, 1, out, error);
}

/* The successor of a refresh token: MAP as issue_pair. NOT_FOUND: it is not good; CONFLICT: it was used again, and its
 * sign-in is revoked. */
static inline cachecore_status cachecore_auth_rotate(cachecore_handle *core, const char *refresh_token, size_t size,
                                                     cachecore_result **out, cachecore_error *error) {
  cachecore_value args[1];
  args[0] = cachecore_bytes(refresh_token, size);
  return cachecore_invoke(core, "auth.rotate", args, 1, out, error);
}

/* Counts an attempt: MAP {allowed, remaining, retry_after_ms, reset_after_ms}. */
static inline cachecore_status cachecore_auth_attempt(cachecore_handle *core, const char *subject, int64_t limit,
                                                      int64_t window_ms, cachecore_result **out,
                                                      cachecore_error *error) {
  cachecore_value args[3];
  args[0] = cachecore_text(subject);
  args[1] = cachecore_int(limit);
  args[2] = cachecore_int(window_ms);
  return cachecore_invoke(core, "auth.attempt", args, 3, out, error);
}

#ifdef __cplusplus
}
#endif

#endif
