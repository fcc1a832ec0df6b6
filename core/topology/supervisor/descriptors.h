/* descriptors.h: what a supervisor sheds of the program that started it. */
#ifndef CACHECORE_SUPERVISOR_DESCRIPTORS_H
#define CACHECORE_SUPERVISOR_DESCRIPTORS_H

/* First thing of all, before any thread: every descriptor above `last` is closed, those up to it (but the standard
 * three) are kept from programs to be executed; every signal has its default disposition and is blocked; the umask is
 * 077, the working directory the root. */
void isolate(int last);

#endif
