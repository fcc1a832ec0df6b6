// rapidjson.h: RapidJSON as this folder includes it.
//
// Its stacks begin as null pointers and, before they first grow, compare null plus an offset with null: harmless, but
// undefined, and the undefined-behaviour sanitizer says so. That one check is taken off RapidJSON's own functions, and
// off nothing else.
#pragma once

#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>
#include <rapidjson/writer.h>

#if defined(__clang__)
#pragma clang attribute pop
#endif
