// call.h: the ways into a method: a blocking call, a submitted operation, a call from another method.
//
// A blocking call starts the method on its own thread and, while it is not finished, serves its own waits there: it
// becomes the reader of the lane it waits for if that has none, else it sleeps until its waits are posted to it. A
// submitted operation is started on the submitter's thread as well, up to its first wait, and then handed to the loop.
//
// Thread rule: call_method and submit_method inside a visit of the core; call_child and emit_item in a step of the
// invocation.
#pragma once

#include "core/core.h"
#include "core/runtime/invocation.h"

namespace cachecore_internal {

cachecore_status call_method(::cachecore_handle &core, const cachecore_method &method, const cachecore_value *args,
                             size_t count, int64_t timeout_ms, cachecore_result **out, cachecore_error *error);

cachecore_status submit_method(::cachecore_handle &core, const cachecore_method &method, const cachecore_value *args,
                               size_t count, int64_t timeout_ms, cachecore_completions &queue, uint64_t user_data,
                               uint64_t *operation, cachecore_error *error);

void call_child(invocation &parent, const cachecore_method &method, const cachecore_value *args, size_t count,
                cachecore_continuation then, void *state) noexcept;

void emit_item(invocation &owner, const cachecore_value &item) noexcept;

}  // namespace cachecore_internal
