/* cachecore.h: everything an application needs.
 *
 * Start at core.h; value.h numbers the conventions of all headers. The typed convenience headers of the built-in
 * plugins (kv.h, cache.h, lock.h ...) are included too: they are `static inline` over cachecore_invoke and add no
 * symbol.
 */
#ifndef CACHECORE_CACHECORE_H
#define CACHECORE_CACHECORE_H

#include "auth.h"
#include "cache.h"
#include "completions.h"
#include "core.h"
#include "error.h"
#include "kv.h"
#include "lock.h"
#include "monitor.h"
#include "options.h"
#include "queue.h"
#include "session.h"
#include "value.h"

#endif
