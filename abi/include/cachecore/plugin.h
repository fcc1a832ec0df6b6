/* plugin.h: what a plugin in C needs (C++20: plugin.hpp is built on it).
 *
 * A plugin is a shared object `cachecore_<name>.so` with one exported function, which returns a static descriptor: who
 * it is and its methods. It links neither libcachecore nor anything the core links; all it needs of the host comes in
 * tables.
 *
 *     const cachecore_plugin *cachecore_plugin_entry_v1(void);
 *
 * A method is started with an invocation and validated arguments, and ends by exactly one complete or fail on that
 * invocation: at once, or from a continuation. It never blocks. Whatever takes time (a reply, a timer, another method,
 * an event of the plugin's own) takes a continuation: a function and a state, run exactly once.
 *
 * Thread rule. The start function and the continuations of one invocation never run at the same time, and a
 * continuation never runs inside the function that asked for it. Different invocations run on any threads at once, so
 * what an instance shares between them needs its own lock, never held while the plugin waits. Functions marked
 * [invocation] are called only from the start function or a continuation of that invocation; those marked [any thread]
 * from anywhere.
 *
 * Giving up. When a caller's deadline passes or it cancels, each pending wait of the invocation continues at once with
 * that status (TIMEOUT, CANCELLED, UNCERTAIN, CLOSED), and waits begun afterwards do the same. The method runs to its
 * end as always. If it still completes with a grant (a lock, a claimed job) that now reaches nobody, the method's
 * `undo` is started with that value.
 *
 * Memory. What `allocate` gives and every value handed to a continuation live as long as the invocation's result, so a
 * completed value may point into them (CACHECORE_COMPLETE_ADOPT). Arguments are copied there before start, unless the
 * method is flagged CACHECORE_METHOD_BORROWS_ARGUMENTS: then they may be read only until the start function returns.
 *
 * Versions. A plugin is loaded if its abi_major equals the host's and its abi_minor is not newer. Every struct begins
 * with its size and only grows at its end; specs are reached by pointers, so that an older plugin's shorter specs stay
 * readable.
 */
#ifndef CACHECORE_PLUGIN_H
#define CACHECORE_PLUGIN_H

#include "error.h"
#include "value.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CACHECORE_PLUGIN_ABI_MAJOR 1u
#define CACHECORE_PLUGIN_ABI_MINOR 0u

/* Put before the definition of the entry function. */
#define CACHECORE_PLUGIN_EXPORT __attribute__((visibility("default")))

typedef struct cachecore_host cachecore_host;
typedef struct cachecore_invocation cachecore_invocation;
typedef struct cachecore_method cachecore_method;

/* ---- Specifications ------------------------------------------------------------------------------------------------
 */

/* What a parameter's value stands for; shown by describe and checked by the core. */
#define CACHECORE_MEANING_NONE 0u
#define CACHECORE_MEANING_TEXT 1u /* UTF-8 */
#define CACHECORE_MEANING_BYTES 2u
#define CACHECORE_MEANING_KEY 3u       /* a key or name: 1 to 65,536 bytes without NUL, CR, LF */
#define CACHECORE_MEANING_JSON 4u      /* any value, stored as JSON */
#define CACHECORE_MEANING_DURATION 5u  /* milliseconds */
#define CACHECORE_MEANING_TIMESTAMP 6u /* milliseconds since 1970-01-01 UTC */
#define CACHECORE_MEANING_COUNT 7u
#define CACHECORE_MEANING_PATTERN 8u /* glob, as Redis' SCAN MATCH */

#define CACHECORE_PARAMETER_OPTIONAL 1u /* may be absent (NIL) */
#define CACHECORE_PARAMETER_WAIT \
  2u /* milliseconds the method may wait; added to the default deadline, negative: no deadline */
#define CACHECORE_PARAMETER_SECRET 4u /* its value never appears in an error, log or trace */

/* A parameter, a field of an option map, or a key of the plugin's configuration. */
typedef struct cachecore_parameter_spec {
  size_t struct_size;
  const char *name;
  const char *doc;
  uint32_t kinds;   /* mask of CACHECORE_KIND_BIT; 0: any kind. NIL is accepted when OPTIONAL */
  uint32_t meaning; /* CACHECORE_MEANING_... */
  uint32_t flags;   /* CACHECORE_PARAMETER_... */
  uint32_t reserved;
  const cachecore_value *default_value; /* what an absent one becomes; NULL: NIL */
  const cachecore_value *minimum;       /* INT or DOUBLE; for BYTES the smallest size; NULL: none */
  const struct cachecore_parameter_spec *const
      *fields; /* of a MAP, NULL-ended; any other key is an error. NULL: any keys */
} cachecore_parameter_spec;

#define CACHECORE_METHOD_READ_ONLY 1u         /* changes nothing */
#define CACHECORE_METHOD_STREAMING 2u         /* emits items until given up; is submitted, never called */
#define CACHECORE_METHOD_BORROWS_ARGUMENTS 4u /* reads its arguments only before its start function returns */
#define CACHECORE_METHOD_IDEMPOTENT 8u        /* doing it twice is as doing it once */

/* Starts a method. `args` has exactly as many values as the method has parameters, validated, defaults filled in. Must
 * not throw or block. */
typedef void (*cachecore_method_function)(void *instance, cachecore_invocation *invocation, const cachecore_value *args,
                                          size_t arg_count);

typedef struct cachecore_method_spec {
  size_t struct_size;
  const char *name; /* without the plugin's: "get" */
  const char *doc;  /* one sentence, then details */
  uint32_t flags;   /* CACHECORE_METHOD_... */
  uint32_t reserved;
  const cachecore_parameter_spec *const *parameters; /* NULL-ended; later versions only append optional ones */
  const char *returns;                               /* the shape of the answer, for people: "BYTES, or NOT_FOUND" */
  cachecore_method_function start;
  cachecore_method_function undo; /* gives back what nobody received; args[0] is the completed value. May be NULL */
} cachecore_method_spec;

/* The descriptor. */
typedef struct cachecore_plugin {
  size_t struct_size;
  uint32_t abi_major; /* CACHECORE_PLUGIN_ABI_MAJOR */
  uint32_t abi_minor; /* CACHECORE_PLUGIN_ABI_MINOR */
  const char *name;   /* [a-z][a-z0-9_]*, as in the file's name */
  const char *version;
  const char *license;
  const char *summary;
  const char *const *needs;                      /* NULL-ended: services ("redis/1") and plugins ("kv"); or NULL */
  const cachecore_method_spec *const *methods;   /* NULL-ended */
  const cachecore_parameter_spec *const *config; /* NULL-ended keys of its configuration; NULL: it takes none */
  /* Makes an instance. `config` is a validated MAP with defaults filled in, readable until it returns. May begin
   * background work (call/1 spawn), may not wait for it. On error nothing may stay behind, and the message should name
   * the configuration key. */
  cachecore_status (*create)(const cachecore_host *host, const cachecore_value *config, void **instance,
                             cachecore_error *error);
  /* Brings the instance to the state create left it in; every invocation has ended. NULL: destroy and create. */
  cachecore_status (*reset)(void *instance, cachecore_error *error);
  /* Frees the instance; every invocation has ended. */
  void (*destroy)(void *instance);
} cachecore_plugin;

/* The type of cachecore_plugin_entry_v1. The descriptor is static and lives for ever. */
typedef const cachecore_plugin *(*cachecore_plugin_entry)(void);

/* ---- Host ----------------------------------------------------------------------------------------------------------
 */

/* Given to create; lives until destroy returns. */
struct cachecore_host {
  size_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  const char *key_prefix; /* to be put before every key; "" when none */
  /* Returns the table of a service by id ("redis/1"), or NULL when this host has none. [any thread] Lives as the host.
   */
  const void *(*service)(const cachecore_host *host, const char *id);
};

/* Runs exactly once (a subscription's message function: many times). `status` OK: `value` is the answer. Else `error`
 * says why and `value` is NULL. Both live as long as the invocation's result. */
typedef void (*cachecore_continuation)(void *state, cachecore_status status, const cachecore_value *value,
                                       const cachecore_error *error);

#define CACHECORE_COMPLETE_ADOPT 1u /* the value's memory is the invocation's own or static: do not copy it */

/* "invocation/1": ending an invocation and its memory. All [invocation]. */
typedef struct cachecore_invocation_service {
  size_t struct_size;
  /* Memory that lives as long as the result, aligned to 16 bytes; NULL when there is none. */
  void *(*allocate)(cachecore_invocation *invocation, size_t size);
  /* Ends it with OK. `value` NULL is NIL. Copied, unless CACHECORE_COMPLETE_ADOPT. The invocation is not touched again.
   */
  void (*complete)(cachecore_invocation *invocation, const cachecore_value *value, uint32_t flags);
  /* Ends it with a negative status, or NOT_FOUND (message NULL). The core puts the method's name before the message. */
  void (*fail)(cachecore_invocation *invocation, cachecore_status status, const char *message);
  /* Ends it with an error as a continuation received it. */
  void (*fail_with)(cachecore_invocation *invocation, const cachecore_error *error);
  /* Milliseconds until its deadline, 0 when passed, -1 for none. */
  int64_t (*remaining_ms)(cachecore_invocation *invocation);
  /* OK while somebody waits for it, else the status it was given up with. */
  cachecore_status (*given_up)(cachecore_invocation *invocation);
  /* Frees a value that a continuation received before the invocation ends: for large intermediate replies. */
  void (*forget)(cachecore_invocation *invocation, const cachecore_value *value);
} cachecore_invocation_service;

/* A Lua script: a static object of the plugin; the core keeps its digest by its address. */
typedef struct cachecore_script {
  size_t struct_size;
  const char *source;
  size_t source_size;
} cachecore_script;

#define CACHECORE_REDIS_READ 1u       /* changes nothing (commands the core knows need no flag; for scripts) */
#define CACHECORE_REDIS_IDEMPOTENT 2u /* may be sent again when its reply was lost */
#define CACHECORE_REDIS_ISOLATED 4u   /* may be slow: kept off the lanes that the others share */
/* A read whose answer may be as old as the core's `max_staleness_ms`: with `read_from` "replica" a replica may give it.
 * Without effect on what changes data. Hosts before 0.2 do not know it and ask the master. */
#define CACHECORE_REDIS_MAY_BE_STALE 8u

typedef struct cachecore_connection cachecore_connection;

#define CACHECORE_SUBSCRIBE_CHANNELS 0u
#define CACHECORE_SUBSCRIBE_PATTERNS 1u
#define CACHECORE_SUBSCRIBE_SHARDED 2u /* shard channels (Redis 7): told by the node that serves the channel's slot */

/* "redis/1". All [invocation]. Words are values: BYTES as they are, INT and DOUBLE as decimal text; they are copied
 * before the function returns. Requests begun in one step are sent together. Status of a single command: REJECTED for
 * an error reply, UNAVAILABLE, UNCERTAIN, TIMEOUT ... as error.h says. Commands that change a connection's state or
 * block are INVALID_ARGUMENT outside a lease. */
typedef struct cachecore_redis_service {
  size_t struct_size;
  /* One command. */
  void (*command)(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
                  cachecore_continuation then, void *state);
  /* Several (each a LIST of words), sent together; the answer is the LIST of replies, failed ones as ERROR. */
  void (*pipeline)(cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
                   cachecore_continuation then, void *state);
  /* As pipeline, within MULTI and EXEC; keys must share a hash slot. REJECTED when nothing was applied. */
  void (*transaction)(cachecore_invocation *invocation, const cachecore_value *commands, size_t count, uint32_t flags,
                      cachecore_continuation then, void *state);
  /* EVALSHA, loading the script once where the server does not have it. It must be safe to run twice for one request.
   */
  void (*script)(cachecore_invocation *invocation, const cachecore_script *script, const cachecore_value *keys,
                 size_t key_count, const cachecore_value *args, size_t arg_count, uint32_t flags,
                 cachecore_continuation then, void *state);
  /* One command to every master; the answer is the LIST of replies, failed ones as ERROR. */
  void (*each_node)(cachecore_invocation *invocation, const cachecore_value *words, size_t count, uint32_t flags,
                    cachecore_continuation then, void *state);
  /* One command to the master with this number (0-based, as each_node orders them); INVALID_ARGUMENT beyond the last.
   */
  void (*on_node)(cachecore_invocation *invocation, size_t node, const cachecore_value *words, size_t count,
                  uint32_t flags, cachecore_continuation then, void *state);
  /* Takes an exclusive connection to the node of `key` (NIL: any). The answer is an INT to be given to `leased` and
   * `release`. BUSY when max_connections are taken until the deadline. Released at the end of the invocation at the
   * latest. */
  void (*lease)(cachecore_invocation *invocation, const cachecore_value *key, cachecore_continuation then, void *state);
  /* Commands on it, as pipeline; stateful and blocking ones are allowed. */
  void (*leased)(cachecore_invocation *invocation, int64_t connection, const cachecore_value *commands, size_t count,
                 cachecore_continuation then, void *state);
  /* Returns it; `clean` not 0: its state is as it was (no WATCH, MULTI, SELECT ...), else it is closed. */
  void (*release)(cachecore_invocation *invocation, int64_t connection, int32_t clean);
  /* Subscribes to channels or patterns. `on_message` runs with OK for each message, a MAP {kind, channel, pattern?,
   * payload}; kinds are "subscribed" (a confirmation, with `channel`), "message", and "deaf" (messages may have been
   * lost: {kind, reason}), and once at the end with another status. A message lives until it is forgotten or the
   * invocation ends. It stays subscribed until the invocation ends or is given up. Only in a streaming or a spawned
   * invocation, else INVALID_STATE; one subscription an invocation. */
  void (*subscribe)(cachecore_invocation *invocation, uint32_t kind, const cachecore_value *channels, size_t count,
                    cachecore_continuation on_message, void *state);
} cachecore_redis_service;

/* "stream/1". [invocation] */
typedef struct cachecore_stream_service {
  size_t struct_size;
  /* Delivers an item of a streaming method; copied. */
  void (*emit)(cachecore_invocation *invocation, const cachecore_value *item);
} cachecore_stream_service;

typedef struct cachecore_parked cachecore_parked;

/* "timer/1": waiting for time and for each other. */
typedef struct cachecore_timer_service {
  size_t struct_size;
  /* Continues after `ms`, with NIL. [invocation] */
  void (*sleep)(cachecore_invocation *invocation, int64_t ms, cachecore_continuation then, void *state);
  /* Continues when somebody calls `wake` with what this returns. [invocation] Whoever holds the result must either wake
   * it (once) or, when `then` came with another status before that, forget it; both end its life. NULL when there is no
   * memory (then `then` runs with NO_MEMORY). */
  cachecore_parked *(*park)(cachecore_invocation *invocation, cachecore_continuation then, void *state);
  /* Continues a parked invocation with a copy of `value` (NULL: NIL). [any thread] */
  void (*wake)(cachecore_parked *parked, const cachecore_value *value);
  /* Drops a parked invocation that has already continued otherwise. [any thread] */
  void (*forget)(cachecore_parked *parked);
  /* Milliseconds of a clock that never goes back and counts while the machine sleeps. [any thread] */
  int64_t (*now_ms)(void);
} cachecore_timer_service;

/* "call/1": other methods, and work without a caller. */
typedef struct cachecore_call_service {
  size_t struct_size;
  /* Finds a method of any plugin; lives until close. [any thread] */
  cachecore_status (*find)(const cachecore_host *host, const char *name, const cachecore_method **out,
                           cachecore_error *error);
  /* Calls it with the deadline of this invocation; it is given up with it. NOT_FOUND comes as that status. [invocation]
   */
  void (*call)(cachecore_invocation *invocation, const cachecore_method *method, const cachecore_value *args,
               size_t arg_count, cachecore_continuation then, void *state);
  /* Starts `start(state, invocation, NULL, 0)` on the loop thread as an invocation of its own without deadline; it is
   * given up with CLOSED at reset and close. `name` (static) stands for the method in logs. [any thread] */
  cachecore_status (*spawn)(const cachecore_host *host, const char *name, cachecore_method_function start, void *state);
  /* As spawn, but begins when the core's thread does, which this does not start: for work that only accompanies calls.
   * [any thread] Since 0.1. */
  cachecore_status (*spawn_when_started)(const cachecore_host *host, const char *name, cachecore_method_function start,
                                         void *state);
} cachecore_call_service;

struct cachecore_completion;
struct cachecore_completions;
struct cachecore_result;

/* "submit/1": calls from a thread of the plugin's own (a server, say), as a program makes them through completions.h,
 * with the same rules and types. All [any thread]; none blocks. The thread has to end, and the queue to be destroyed,
 * before the instance's destroy returns. */
typedef struct cachecore_submit_service {
  size_t struct_size;
  cachecore_status (*completions_create)(const cachecore_host *host, struct cachecore_completions **out,
                                         cachecore_error *error);
  int (*completions_fd)(const struct cachecore_completions *queue);
  size_t (*completions_drain)(struct cachecore_completions *queue, struct cachecore_completion *out, size_t max);
  void (*completions_destroy)(struct cachecore_completions *queue);
  /* UNAVAILABLE while the core is being reset, CLOSED while it is being closed: whoever does so waits for the plugin.
   */
  cachecore_status (*submit)(const cachecore_host *host, const cachecore_method *method, const cachecore_value *args,
                             size_t arg_count, int64_t timeout_ms, struct cachecore_completions *queue,
                             uint64_t user_data, uint64_t *operation, cachecore_error *error);
  cachecore_status (*cancel)(const cachecore_host *host, uint64_t operation, cachecore_error *error);
  const cachecore_value *(*result_value)(const struct cachecore_result *result);
  const cachecore_error *(*result_error)(const struct cachecore_result *result);
  void (*result_free)(struct cachecore_result *result);
  /* What describe knows of a method: its flags (CACHECORE_METHOD_...), and its parameters, NULL-ended by `*count`. The
   * specs live until close. */
  uint32_t (*method_flags)(const cachecore_method *method);
  const cachecore_parameter_spec *const *(*method_parameters)(const cachecore_method *method, size_t *count);
  /* Calls `visit` for every method there is. */
  void (*each_method)(const cachecore_host *host,
                      void (*visit)(void *state, const char *name, const cachecore_method *method), void *state);
  /* JSON, as cachecore_json_encode and _decode. */
  cachecore_status (*json_encode)(const cachecore_value *value, struct cachecore_result **out, cachecore_error *error);
  cachecore_status (*json_decode)(const char *json, size_t size, struct cachecore_result **out, cachecore_error *error);
} cachecore_submit_service;

/* "slow/1". [any thread] Calls that waited for something and took at least so long appear in `core.slow`. Not positive:
 * none, as it is before. Streams and methods that are asked to wait do not count. */
typedef struct cachecore_slow_service {
  size_t struct_size;
  void (*set_threshold_ms)(const cachecore_host *host, int64_t ms);
} cachecore_slow_service;

/* "json/1". [invocation] */
typedef struct cachecore_json_service {
  size_t struct_size;
  /* As cachecore_json_encode and _decode; the outcome lives as long as the invocation's result. */
  cachecore_status (*encode)(cachecore_invocation *invocation, const cachecore_value *value, cachecore_value *out,
                             cachecore_error *error);
  cachecore_status (*decode)(cachecore_invocation *invocation, const char *json, size_t size, cachecore_value *out,
                             cachecore_error *error);
} cachecore_json_service;

/* "crypto/1". All [any thread]; 0 or INTERNAL. */
typedef struct cachecore_crypto_service {
  size_t struct_size;
  cachecore_status (*random)(void *out, size_t size);
  cachecore_status (*sha256)(const void *data, size_t size, uint8_t out[32]);
  cachecore_status (*hmac_sha256)(const void *key, size_t key_size, const void *data, size_t size, uint8_t out[32]);
  /* AES-256-GCM with a fresh random nonce: writes 12 + size + 16 bytes (nonce, ciphertext, tag). */
  cachecore_status (*seal)(const uint8_t key[32], const void *aad, size_t aad_size, const void *plain, size_t size,
                           uint8_t *out);
  /* The reverse: writes size - 28 bytes; CORRUPT when key, aad or a byte is not what it was. */
  cachecore_status (*open)(const uint8_t key[32], const void *aad, size_t aad_size, const void *sealed, size_t size,
                           uint8_t *out);
  /* 1 if equal, in a time that depends on `size` alone. */
  int32_t (*equal)(const void *a, const void *b, size_t size);
} cachecore_crypto_service;

/* "compress/1": zstd; NULL where the core was built without. All [any thread]. */
typedef struct cachecore_compress_service {
  size_t struct_size;
  /* The largest size that compress may write for `size` bytes. */
  size_t (*bound)(size_t size);
  cachecore_status (*compress)(const void *data, size_t size, void *out, size_t capacity, size_t *out_size);
  /* The size of the original; CORRUPT when the data does not say. */
  cachecore_status (*original_size)(const void *data, size_t size, size_t *out);
  cachecore_status (*decompress)(const void *data, size_t size, void *out, size_t capacity, size_t *out_size);
} cachecore_compress_service;

typedef struct cachecore_tracking cachecore_tracking;
typedef struct cachecore_tracked cachecore_tracked;

/* Keys that were changed, deleted or have expired, as a LIST of BYTES; NIL: all keys. Runs on the loop's thread and
 * must not block. Lives until it returns. */
typedef void (*cachecore_changed_function)(void *state, const cachecore_value *keys);

/* "tracking/1": what changes in the servers, for copies of values kept in the process (Redis' CLIENT TRACKING in
 * broadcast mode, over RESP2). All [any thread].
 *
 * A copy is kept right by two things: `on_changed` names the keys whose copies have ended, and `age_ms` says whether
 * everything there was to hear has been heard. A copy is made so: take the key's `at` and its epoch, put a placeholder
 * where on_changed will find it, read the value, and keep it unless the placeholder is gone or `at` has another answer
 * now (the key may have been read from a node it has moved to). */
typedef struct cachecore_tracking_service {
  size_t struct_size;
  /* Begins to listen for keys that begin with one of `prefixes` (a LIST of BYTES, none of them the beginning of
   * another; an empty one: all keys). Opens no connection before the first `at`. Ends with `end` or with the plugin's
   * instance. */
  cachecore_status (*begin)(const cachecore_host *host, const cachecore_value *prefixes,
                            cachecore_changed_function on_changed, void *state, cachecore_tracking **out,
                            cachecore_error *error);
  /* Afterwards on_changed does not run any more. */
  void (*end)(cachecore_tracking *tracking);
  /* The server that tells of a key, and its present epoch; lives as long as the tracking. NULL while nothing is heard
   * from it: no copy should be made. */
  const cachecore_tracked *(*at)(cachecore_tracking *tracking, const char *key, size_t size, uint64_t *epoch);
  /* Milliseconds (of a clock that counts while the machine sleeps) by which a copy made in `epoch` may be behind; -1
   * when something may have been missed since: the copy has ended. */
  int64_t (*age_ms)(const cachecore_tracked *tracked, uint64_t epoch);
  /* The moment, of the clock of timer/1's now_ms, as of which every copy made in `epoch` is right; 0 when something may
   * have been missed since: the copy has ended. Reads no clock, so whoever has the time already asks this. Appended in
   * 0.1: look at struct_size. */
  int64_t (*proven_ms)(const cachecore_tracked *tracked, uint64_t epoch);
} cachecore_tracking_service;

typedef struct cachecore_metric cachecore_metric;

#define CACHECORE_METRIC_COUNTER 0u
#define CACHECORE_METRIC_GAUGE 1u

/* "metrics/1". All [any thread]. Figures appear in `core.stats`. */
typedef struct cachecore_metrics_service {
  size_t struct_size;
  /* Makes or finds the metric of that name; lives as the host. */
  cachecore_metric *(*metric)(const cachecore_host *host, uint32_t kind, const char *name, const char *doc);
  void (*add)(cachecore_metric *metric, int64_t delta);
  void (*set)(cachecore_metric *metric, int64_t value);
} cachecore_metrics_service;

/* "log/1". [any thread] `message` is NUL-ended; the plugin's name is put before it. Never a secret. */
typedef struct cachecore_log_service {
  size_t struct_size;
  void (*write)(const cachecore_host *host, int32_t level, const char *message);
} cachecore_log_service;

#ifdef __cplusplus
}
#endif

#endif
