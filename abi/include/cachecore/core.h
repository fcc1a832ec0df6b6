/* core.h: lifecycle and calls.
 *
 * A core is one configured set of plugins and connections. A process may have many; nothing is shared between them.
 * Everything a plugin offers is a method with a name ("kv.get"); calling it is the same for every plugin.
 *
 *     init ---> calls from any thread ---> close
 *                  ^        |
 *                  +--reset-+      connections and plugin state start afresh, the handle and its methods stay
 *
 * init opens no socket and starts no thread (unless `ping_on_init` is set): the first call does. After a fork the
 * child's inherited core answers CACHECORE_FORKED to everything but reset and close; the parent is not affected.
 *
 * Conventions: value.h. Statuses: error.h. The completion-queue way of calling: completions.h.
 */
#ifndef CACHECORE_CORE_H
#define CACHECORE_CORE_H

#include "error.h"
#include "options.h"
#include "value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A core. C programs call it `cachecore`. In C++ that is also the namespace of cachecore.hpp, and one name cannot be
 * both: where CACHECORE_NAMESPACE is defined (cachecore.hpp does so itself) only the long name is declared. */
typedef struct cachecore_handle cachecore_handle;
#if !defined(CACHECORE_NAMESPACE)
typedef cachecore_handle cachecore;
#endif
typedef struct cachecore_method cachecore_method;
typedef struct cachecore_result cachecore_result;

/* Makes a core. [any thread] `options` may be NULL: all defaults. Loads the plugins. On success `*out` is to be closed
 * by cachecore_close. Errors: INVALID_ARGUMENT (a wrong option, URL, JSON or secret; the message names it), NO_PLUGIN,
 * INCOMPATIBLE, DENIED (a plugin file that others may write, when root), UNAVAILABLE (`ping_on_init`), or what a
 * plugin's create said. Since 0.1. */
CACHECORE_API cachecore_status cachecore_init(const cachecore_options *options, cachecore_handle **out,
                                              cachecore_error *error);

/* Drops connections and plugin state and starts afresh on the same handle. [any thread] Requests in flight end with
 * UNAVAILABLE (nothing was sent) or UNCERTAIN; calls that arrive meanwhile wait for it. In a forked child it makes the
 * inherited core usable; there it must be the only thread in the core. Methods found before stay valid. Since 0.1. */
CACHECORE_API cachecore_status cachecore_reset(cachecore_handle *core, cachecore_error *error);

/* Completes every call with CLOSED, waits for the last one to leave, and frees. [any thread, once] Calling other
 * functions while it runs is allowed, afterwards it is undefined. Results and completion queues outlive it. NULL is a
 * no-op. Since 0.1. */
CACHECORE_API void cachecore_close(cachecore_handle *core);

/* Loads a plugin by name ("kv") or absolute path; loading one twice is INVALID_STATE. [any thread] `config_json` is a
 * JSON object for the plugin or NULL. The error lists every path tried and the loader's own words. Since 0.1. */
CACHECORE_API cachecore_status cachecore_plugin_load(cachecore_handle *core, const char *name_or_path,
                                                     const char *config_json, cachecore_error *error);

/* Describes what can be called. [any thread] The result is a map:
 *
 *     {abi, version, plugins: [PLUGIN...]}
 *     PLUGIN      {name, version, path, summary, methods: [METHOD...]}
 *     METHOD      {name, doc, flags, parameters: [PARAMETER...], returns}     `flags`: a list of words
 *     PARAMETER   {name, kinds, meaning, optional, default, minimum, doc, fields}, and {secret: true} where it is one
 *
 * To be freed by cachecore_result_free. Since 0.1. */
CACHECORE_API cachecore_status cachecore_describe(cachecore_handle *core, cachecore_result **out,
                                                  cachecore_error *error);

/* Finds a method by its full name. [any thread] `*out` lives until close, across resets; never freed by the caller.
 * Errors: NO_METHOD (the message names the nearest one, or the plugin that is not loaded). Since 0.1. */
CACHECORE_API cachecore_status cachecore_method_find(cachecore_handle *core, const char *name,
                                                     const cachecore_method **out, cachecore_error *error);

/* Calls `method` and waits for its end. [any thread, except from a continuation or a log callback: INVALID_STATE]
 *
 * A continuation is a function of a plugin that the core runs when a reply, a timer or an event has come (plugin.h), a
 * log callback is the one of options.h: both run on threads that others wait for. Programs that are no plugins have no
 * continuations; what they drain from a completion queue runs on their own threads, where calling is allowed.
 *
 * `args` are `arg_count` values in the order of the method's parameters, borrowed until it returns; NIL means absent,
 * and missing ones at the end are absent. `timeout_ms`: > 0 a deadline, 0 the default plus the method's own wait
 * parameter, -1 none. On OK `*out` is to be freed by cachecore_result_free; NOT_FOUND and errors leave it NULL. `out`
 * may be NULL when the answer does not matter. Streaming methods are refused: they are submitted. Since 0.1. */
CACHECORE_API cachecore_status cachecore_call(cachecore_handle *core, const cachecore_method *method,
                                              const cachecore_value *args, size_t arg_count, int64_t timeout_ms,
                                              cachecore_result **out, cachecore_error *error);

/* Asked by a thread that waits in a blocking call: not 0 ends the call, with CANCELLED, or UNCERTAIN where a change was
 * already sent. Must not call into the core. Since 0.1. */
typedef int32_t (*cachecore_interrupt_function)(void *context);

/* Sets what this thread asks while it waits in a blocking call of any core: after every signal that interrupts the
 * wait, and about every 50 ms in which nothing comes. [any thread, for itself] It runs on this thread alone, and never
 * in a call whose answer comes sooner. For languages whose signal handlers run outside of the signal: their Ctrl-C can
 * end a call. NULL (as at a thread's start): nothing is asked. A fork's child keeps that of the thread that forked.
 * Since 0.1. */
CACHECORE_API void cachecore_set_interrupt(cachecore_interrupt_function function, void *context);

/* cachecore_method_find and cachecore_call with the default timeout. [as cachecore_call] Since 0.1. */
CACHECORE_API cachecore_status cachecore_invoke(cachecore_handle *core, const char *method, const cachecore_value *args,
                                                size_t arg_count, cachecore_result **out, cachecore_error *error);

/* The answer of a result; NIL for a failed one. [any thread] Lives until the result is freed. Never NULL, except for
 * NULL. Since 0.1. */
CACHECORE_API const cachecore_value *cachecore_result_value(const cachecore_result *result);

/* The reason of a failed completion, or NULL. [any thread] Lives until the result is freed. Since 0.1. */
CACHECORE_API const cachecore_error *cachecore_result_error(const cachecore_result *result);

/* Frees a result with all it holds. [any thread, once] NULL is a no-op. Since 0.1. */
CACHECORE_API void cachecore_result_free(cachecore_result *result);

/* Writes `value` as JSON: the result is one BYTES value. [any thread] Integers are exact, and a double that is not
 * finite is INVALID_ARGUMENT. What JSON cannot say is a map with one key, and reads back as what it was:
 *
 *     {"$bytes": base64}                                  BYTES that are not UTF-8
 *     {"$map": [[key, value], ...]}                       a MAP whose keys are not all text, or not all different, or
 *                                                         whose only key is one of these names
 *     {"$error": {"status": name, "message": text}}       ERROR
 *
 * To be freed by cachecore_result_free. Since 0.1. */
CACHECORE_API cachecore_status cachecore_json_encode(const cachecore_value *value, cachecore_result **out,
                                                     cachecore_error *error);

/* Reads one JSON text of `size` bytes; {"$bytes"}, {"$map"} and {"$error"} are what cachecore_json_encode makes of
 * them. [any thread] Integers outside int64, and a key that comes twice in a map, are INVALID_ARGUMENT: the message
 * names the offset. `*out` is to be freed by cachecore_result_free. Since 0.1. */
CACHECORE_API cachecore_status cachecore_json_decode(const char *json, size_t size, cachecore_result **out,
                                                     cachecore_error *error);

/* The library's version, "major.minor.patch". [any thread] Static storage. Since 0.1. */
CACHECORE_API const char *cachecore_version(void);

#ifdef __cplusplus
}
#endif

#endif
