/* repair.h: the log of writes that a killed server leaves behind is put in order before the next one reads it.
 *
 * A server that is killed in the middle of a write may leave a transaction without its end. Redis 7.0 cuts off the
 * command it was in, but not the transaction: what is acknowledged from then on is written behind an open MULTI, and is
 * dropped with it when the log is read again after a second kill. redis-check-aof cuts off the whole transaction, of
 * which nothing was acknowledged.
 *
 * Where there is no such program, or it cannot repair the log, the server is started as it is, and decides for itself.
 */
#ifndef CACHECORE_SUPERVISOR_REPAIR_H
#define CACHECORE_SUPERVISOR_REPAIR_H

#include <stddef.h>

/* The program beside `server` that checks its log: redis-check-aof beside redis-server, valkey-check-aof beside
 * valkey-server. 0, or -1 when there is none. */
int find_repair_program(const char *server, char *out, size_t size);

/* Runs it on the log in the working directory, and waits for its end. For a process that was just forked: calls only
 * what is async-signal-safe. */
void repair_log(const char *program);

#endif
