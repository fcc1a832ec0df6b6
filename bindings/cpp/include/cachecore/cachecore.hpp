// cachecore.hpp: cachecore for C++20, header-only over the C ABI.
//
//     cachecore::core core("redis://127.0.0.1:6379");
//     core.call("kv.set", "greeting", "hello", 5s);
//     auto greeting = core.call("kv.get", "greeting").as<std::optional<std::string>>();
//
//     cpp/core.hpp         core, options, method: lifecycle and blocking calls
//     cpp/result.hpp       result: an answer; as<T>() and value_view read it
//     cpp/value.hpp        value: an owned tree; list(...) and map({...}) build nested arguments
//     cpp/encode.hpp       which native types become which values (and encoder<T> for yours)
//     cpp/decode.hpp       which values become which native types (and decoder<T> for yours)
//     cpp/completions.hpp  completions: calling without blocking, with a descriptor for poll
//     cpp/stream.hpp       stream: the items of a streaming method
//     cpp/awaitable.hpp    async: co_await over a completion queue
//     cpp/cached.hpp       cached, get_or_load, get_with_fallback: read-through caching with a lambda
//     cpp/lock.hpp         lock: held for as long as a block
//     cpp/worker.hpp       worker: threads that work on a queue, with a lambda
//     cpp/json.hpp         json_encode, json_decode
//     cpp/error.hpp        error: the one exception, and status
//
// Thread rule: as in the C headers: core, method and caller may be used from any number of threads at once; result,
// value, completion, completions and stream by one thread at a time (results may move between threads). Invariants:
// every handle has one owner and is freed by its destructor; a type that borrows from a result cannot be asked of a
// temporary one. NOT_FOUND is an empty result, never an exception; every other status than OK is a cachecore::error.
//
// In C++ `cachecore` is this namespace, so the C name of a core is `cachecore_handle` here. A file that also includes C
// headers of cachecore includes this one first.
#pragma once

#include "cpp/awaitable.hpp"
#include "cpp/cached.hpp"
#include "cpp/completions.hpp"
#include "cpp/core.hpp"
#include "cpp/json.hpp"
#include "cpp/lock.hpp"
#include "cpp/stream.hpp"
#include "cpp/worker.hpp"
