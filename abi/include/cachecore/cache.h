/*
 * The cache plugin from C: single-flight loading, TTL, stale serving and
 * invalidation. Every function here is a thin wrapper over
 * cachecore_call_sync(core, "cache", ...).
 */
#ifndef CACHECORE_CACHE_H
#define CACHECORE_CACHE_H

#include "core.h"

#endif /* CACHECORE_CACHE_H */
