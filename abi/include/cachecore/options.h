/* options.h: how a core is configured.
 *
 *     cachecore_options options;
 *     cachecore_options_init(&options);
 *     options.url = "redis://127.0.0.1:6379/0";
 *
 * Whatever a field says can also be said in `config_json`, so a binding needs that field alone; only `log` and
 * `log_context` have no key there (the stream `core.log` gives the same records), nor has `config_file`:
 *
 *     {"url": "redis://...", "load": ["kv", "cache"], "plugins": {"cache": {...}}, "max_connections": 20, ...}
 *
 * Keys are called as the fields are, but for one: the field `plugins` (which to load) is the key `load`, and the key
 * `plugins` is an object of their configurations, by name. Some settings are keys alone: `password`, `password_file`,
 * `tls` {ca_file, certificate_file, key_file, server_name, verify}, `sentinel` {user, password}, `embedded` ...
 *
 * Precedence, first wins: a field of this struct that is not NULL or 0, `config_json`, `config_file`, the environment
 * (CACHECORE_URL, or REDIS_HOST REDIS_PORT REDIS_PASSWORD REDIS_DB REDIS_MAX_CONNECTIONS REDIS_RETRY_ON_TIMEOUT
 * REDIS_DECODE_RESPONSES), then the files named by `env_files` in the JSON. NULL and 0 are "not set", so a field cannot
 * take back what the JSON says: `ping_on_init` 0 leaves {"ping_on_init": true} on. Unknown keys are errors. The last
 * two of these variables, and the keys `retry_on_timeout` and `decode_responses`, are accepted for compatibility and
 * change nothing: what may be repeated (reads, and changes declared idempotent) is retried in any case, other changes
 * never, and results are bytes.
 * core/config/README.md lists every key.
 *
 * URLs (rediss, with two s, is over TLS):
 *
 *     redis://user:password@host:6379/0                     one server
 *     rediss://host:6379/0
 *     unix:///run/redis.sock?db=0
 *     redis+sentinel://h1,h2:26379/master/0                 the master that Sentinel names, also after a failover
 *     rediss+sentinel://h1,h2:26379/master/0
 *     redis+cluster://h1:6379,h2                            all masters of a cluster; one seed that answers is enough
 *     rediss+cluster://h1:6379,h2
 *     embedded://, embedded:///var/lib/app/cache            a private server that cachecore starts and ends
 *
 * Conventions: value.h.
 */
#ifndef CACHECORE_OPTIONS_H
#define CACHECORE_OPTIONS_H

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Levels of a log record. */
#define CACHECORE_LOG_DEBUG 0
#define CACHECORE_LOG_INFO 1
#define CACHECORE_LOG_WARNING 2
#define CACHECORE_LOG_ERROR 3

/* Receives a log record: `message` is NUL-ended, one line, valid during the call. May run on any thread, also on
 * several at once; must not block and must not call cachecore_call (it answers CACHECORE_INVALID_STATE). Bindings of
 * languages with a runtime lock leave it NULL and read the stream `core.log`. Since 0.1. */
typedef void (*cachecore_log_function)(void *log_context, int32_t level, const char *message);

/* Filled by cachecore_options_init; strings are copied by cachecore_init. A NULL string or 0 means "not set" unless
 * said otherwise. Grows only at its end. Since 0.1. */
typedef struct cachecore_options {
  size_t struct_size;
  const char *url;            /* the server, see above; NULL: the environment's, else embedded:// */
  const char *config_json;    /* a JSON object, see above */
  const char *config_file;    /* path of a file that holds such an object */
  const char *const *plugins; /* "load" in JSON: NULL-ended names or absolute paths; NULL: all built-in ones */
  const char *plugin_path;    /* absolute directories separated by ':' that are searched first */
  const char *key_prefix;     /* put before every key the plugins use; isolates applications */
  int64_t max_connections;    /* per server; default 20 */
  int64_t connect_timeout_ms; /* default 2,000 */
  int64_t call_timeout_ms;    /* deadline of a call that names none; default 5,000; -1: none */
  int64_t busy_poll_us;       /* how long a lone caller spins on its socket before it sleeps; default 0 */
  cachecore_log_function log; /* NULL: no callback */
  void *log_context;          /* handed to `log` as it is */
  int32_t ping_on_init;       /* not 0: init connects and fails when the server does not answer. Since 0.1 */
  int32_t reserved;           /* 0 */
} cachecore_options;

/* Writes the defaults into the first `size` bytes of `options`; an older program's smaller struct is never overrun.
 * [owner] Use cachecore_options_init, which passes the size the caller was compiled with. Since 0.1. */
CACHECORE_API void cachecore_options_init_sized(cachecore_options *options, size_t size);

static inline void cachecore_options_init(cachecore_options *options) {
  cachecore_options_init_sized(options, sizeof(*options));
}

#ifdef __cplusplus
}
#endif

#endif
