/* unit.h: cmocka, behind the headers it needs and does not include.
 *
 * In C++ its macros `fail` and `skip` are taken back: they are names of the standard library. */
#ifndef CACHECORE_TESTS_UNIT_H
#define CACHECORE_TESTS_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format on */

#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#undef fail
#undef skip
#endif

#endif
