/* error.h: what a call came to, and why.
 *
 * A status is a number that is never renumbered. The sign tells its family: 0 success, positive an answer that is not
 * an error (the key does not exist), negative an error. What the program may conclude about the server's data is part
 * of a status' meaning, so that a caller can decide about a retry without reading the message:
 *
 *   nothing that changes data was sent
 *       INVALID_ARGUMENT, INVALID_STATE, FORKED, NO_METHOD, NO_PLUGIN, INCOMPATIBLE, TIMEOUT, CANCELLED, UNAVAILABLE,
 *       BUSY
 *
 *   unknown: a change may have been applied
 *       UNCERTAIN, CLOSED
 *
 *   other: the server or the method refused or broke off; what was done by then is said by the method's description
 *       REJECTED, DENIED, CONFLICT, CORRUPT, LOADER_FAILED, NO_MEMORY, INTERNAL
 *
 * A retry after the first kind repeats nothing. NOT_FOUND is an answer: the question was asked and answered.
 *
 * Conventions: value.h.
 */
#ifndef CACHECORE_ERROR_H
#define CACHECORE_ERROR_H

#include "value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t cachecore_status;

#define CACHECORE_OK 0
#define CACHECORE_NOT_FOUND 1           /* an answer: there is no such key, field, entry ... */
#define CACHECORE_INVALID_ARGUMENT (-1) /* the message names the parameter and what it takes */
#define CACHECORE_INVALID_STATE (-2)    /* not now: for example a blocking call from a callback */
#define CACHECORE_FORKED (-3)           /* this process inherited the core by fork: reset or close it */
#define CACHECORE_CLOSED (-4)           /* the core is being closed; a change in flight may have been applied */
#define CACHECORE_NO_METHOD (-5)        /* no loaded plugin has a method of this name */
#define CACHECORE_NO_PLUGIN (-6)        /* no plugin file of this name was found */
#define CACHECORE_INCOMPATIBLE (-7)     /* a plugin or a server of another version */
#define CACHECORE_TIMEOUT (-8)          /* the deadline passed; nothing that changes data was sent */
#define CACHECORE_CANCELLED (-9)        /* cancelled; nothing that changes data was sent */
#define CACHECORE_UNAVAILABLE (-10)     /* no server could be reached; nothing that changes data was sent */
#define CACHECORE_UNCERTAIN (-11)       /* a change was sent and its reply is unknown: it may have been applied */
#define CACHECORE_REJECTED (-12)        /* the server's error reply; `server_code` holds its first word */
#define CACHECORE_DENIED (-13)          /* password, ACL or TLS */
#define CACHECORE_CONFLICT (-14)        /* the data changed in between */
#define CACHECORE_BUSY (-15)            /* a bound is reached: connections, requests in flight, a queue's length */
#define CACHECORE_CORRUPT (-16)         /* what is stored is not what was asked for */
#define CACHECORE_LOADER_FAILED (-17)   /* the caller's loader reported a failure */
#define CACHECORE_NO_MEMORY (-18)
#define CACHECORE_INTERNAL (-19) /* a fault of cachecore or of a plugin */

/* 512 bytes. Always written, so it needs no initialisation: zeroed on OK (cache.h names the one exception); on
 * NOT_FOUND the status alone, with both texts empty, since nothing went wrong; on errors all that is known. Both texts
 * are NUL-ended and cut to fit at a whole UTF-8 character. Never holds a secret. Since 0.1. */
typedef struct cachecore_error {
  cachecore_status status;
  char server_code[28]; /* first word of the server's error reply ("WRONGTYPE"), else empty */
  char message[480];    /* of an error: names the method, the parameter and what to do */
} cachecore_error;

/* Returns the name of `status` without prefix ("INVALID_ARGUMENT"), or "UNKNOWN". [any thread] Static storage. Since
 * 0.1. */
CACHECORE_API const char *cachecore_status_name(cachecore_status status);

#ifdef __cplusplus
}
#endif

#endif
