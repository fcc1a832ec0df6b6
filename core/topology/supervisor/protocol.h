/* protocol.h: what the library and the supervisor of an embedded server agree on.
 *
 * Processes with different versions of the library may share a directory, so names and locks here do not change their
 * meaning.
 */
#ifndef CACHECORE_SUPERVISOR_PROTOCOL_H
#define CACHECORE_SUPERVISOR_PROTOCOL_H

#include <stdint.h>

/* Files of a directory. */
#define EMBEDDED_MARKER "cachecore-embedded" /* says that the directory is ours; made first */
#define EMBEDDED_ATTACHED "attached"     /* flock: shared by attached processes, exclusive by a supervisor that ends */
#define EMBEDDED_START "start"           /* flock: exclusive by who starts a supervisor, until it reported */
#define EMBEDDED_SUPERVISOR "supervisor" /* fcntl OFD write lock: held while a supervisor, or its server, lives */
#define EMBEDDED_SOCKET "redis.sock"
#define EMBEDDED_LOG "embedded.log"

/* Descriptors the supervisor is started with, besides /dev/null at 0, 1 and 2. */
#define EMBEDDED_REPORT_DESCRIPTOR 3    /* a pipe to the starter: reports */
#define EMBEDDED_DIRECTORY_DESCRIPTOR 4 /* the directory, open */

/* Arguments of the supervisor. */
enum {
  EMBEDDED_ARGUMENT_SERVER = 1, /* redis-server, an absolute path */
  EMBEDDED_ARGUMENT_FSYNC,      /* appendfsync of its log of writes; "" keeps no such log */
  EMBEDDED_ARGUMENT_LINK,       /* a symbolic link to remove at the end; "" for none */
  EMBEDDED_ARGUMENT_DIRECTORY,  /* the directory's path, for those who look at a list of processes */
  EMBEDDED_ARGUMENTS
};

/* Written to the pipe in one piece. */
typedef struct embedded_report {
  int32_t kind;
  int32_t error; /* errno, 0 when there is none */
  char text[248];
} embedded_report;

#define EMBEDDED_RUNS 1   /* the supervisor holds its lock: nobody else will start one */
#define EMBEDDED_FAILED 2 /* it gives up, for the reason in `text` */

#endif
