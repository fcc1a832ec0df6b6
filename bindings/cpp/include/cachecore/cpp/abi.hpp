// abi.hpp: the C headers, with `cachecore` left free to be a namespace (see core.h). Every header of the binding begins
// here.
#pragma once

#if defined(CACHECORE_CORE_H) && !defined(CACHECORE_NAMESPACE)
#error "In C++ the name cachecore is a namespace: include <cachecore/cachecore.hpp> before cachecore's C headers."
#endif
#if !defined(CACHECORE_NAMESPACE)
#define CACHECORE_NAMESPACE 1
#endif

#include <cachecore/completions.h>
#include <cachecore/core.h>
#include <cachecore/error.h>
#include <cachecore/options.h>
#include <cachecore/value.h>

// After a function whose answer points into its object: clang then warns about one that outlives a temporary.
#if defined(__clang__)
#define CACHECORE_LIFETIME_BOUND [[clang::lifetimebound]]
#else
#define CACHECORE_LIFETIME_BOUND
#endif
