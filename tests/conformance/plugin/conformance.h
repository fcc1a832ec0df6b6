/* conformance.h: the plugin the conformance table calls, in plain C over plugin.h alone.
 *
 * Thread rule: an instance is shared by all invocations; its counters are atomic, the rest is written by create only.
 */
#ifndef CACHECORE_TESTS_CONFORMANCE_H
#define CACHECORE_TESTS_CONFORMANCE_H

#include <cachecore/plugin.h>
#include <stdatomic.h>

struct conformance {
  const cachecore_invocation_service *invocation;
  const cachecore_stream_service *stream;
  const cachecore_timer_service *timer;
  const char *greeting; /* of the configuration */
  int64_t limit;
  atomic_int_fast64_t granted;  /* grants that were completed */
  atomic_int_fast64_t released; /* of them, given back by undo */
  atomic_int_fast64_t emitting; /* invocations of emit_fast that have not ended */
};

/* Ends `invocation` with INT, adopting nothing. */
void answer_integer(const struct conformance *plugin, cachecore_invocation *invocation, int64_t integer);

/* Ends an invocation as CACHECORE_NO_MEMORY says. */
void answer_no_memory(const struct conformance *plugin, cachecore_invocation *invocation);

/* Each file's methods; the table of all is in plugin.c. */
extern const cachecore_method_spec method_echo, method_echo_adopted, method_echo_text, method_echo_key, method_add,
    method_options, method_at_least_three, method_greeting, method_big, method_nested, method_mixed, method_fail,
    method_not_found;
extern const cachecore_method_spec method_never, method_pause;
extern const cachecore_method_spec method_emit, method_emit_fast, method_settled;
extern const cachecore_method_spec method_grant, method_granted, method_released;

#endif
