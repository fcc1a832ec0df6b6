// plugin.hpp: what a plugin in C++20 needs (C: plugin.h, on which it is built).
//
// A plugin is a class whose methods are member coroutines, and a table that describes them:
//
//     #include <cachecore/plugin.hpp>
//
//     using namespace cachecore::plugin;
//
//     namespace {
//
//     class visits {
//      public:
//       task<int64_t> count(call &call, std::string_view page, int64_t by) {
//         co_return (co_await call.redis("INCRBY", call.key("visits:", page), by)).as_int();
//       }
//     };
//
//     constexpr about visits_about{
//         .name = "visits", .version = "1.0.0", .license = "MIT", .summary = "Counts visits.", .needs = {"redis/1"}};
//
//     constexpr auto visits_methods = spec::declare(
//         spec::method<&visits::count>("count", "Counts a visit of a page.", "INT: visits so far", spec::none,
//                                      spec::key("page"), spec::count("by").by_default(1)));
//
//     }  // namespace
//
//     CACHECORE_PLUGIN(visits, visits_about, visits_methods)
//
//     c++ -std=c++20 -O2 -fPIC -fvisibility=hidden -shared visits.cpp -o cachecore_visits.so $(pkg-config --cflags
//     cachecore)
//
// A method ends by `co_return` of its answer or of `not_found`, or by throwing: `error` with a status and a message,
// std::bad_alloc as NO_MEMORY, anything else as INTERNAL. It never blocks; what takes time is awaited.
//
// Arguments are copied by the core before a method starts and live as long as its result. A method flagged
// borrows_arguments saves that copy: it reads its arguments only before its first co_await continues (the words of that
// await's request included), and answers with nothing of theirs after it.
//
// Thread rule. Steps of one invocation never overlap; those of different invocations run on any threads at once. So
// members of the class need a mutex (std::mutex), never held across a co_await; parking.hpp has the one way to wait
// with it.
//
// The parts: value.hpp error.hpp (what is passed), call.hpp request.hpp commands.hpp subscription.hpp parking.hpp (what
// is awaited), task.hpp (coroutines), host.hpp (services), spec.hpp descriptor.hpp (the table).
#pragma once

#include "plugin/call.hpp"
#include "plugin/commands.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/error.hpp"
#include "plugin/host.hpp"
#include "plugin/invocation.hpp"
#include "plugin/parking.hpp"
#include "plugin/request.hpp"
#include "plugin/spec.hpp"
#include "plugin/subscription.hpp"
#include "plugin/task.hpp"
#include "plugin/value.hpp"
