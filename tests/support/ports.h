/* ports.h: TCP ports for servers of a test. [any thread] */
#ifndef CACHECORE_TESTS_PORTS_H
#define CACHECORE_TESTS_PORTS_H

#ifdef __cplusplus
extern "C" {
#endif

/* A port of 127.0.0.1 that is free now; whoever binds it has to be ready to find it taken and choose again. */
int free_port(void);

#ifdef __cplusplus
}
#endif

#endif
