// attempts.cpp: how often something may be tried.

#include "attempt.lua.h"
#include "auth.h"
#include "scripts.h"

namespace auth_plugin {

namespace {

constexpr cachecore_script attempt_script = script_of(attempt_lua);

// A day of one attempt a millisecond is exact in the script's numbers, and so is a window of a year.
constexpr int64_t longest_window_ms = 366LL * 24 * 3'600 * 1'000;

}  // namespace

task<value> auth::attempt(call &call, std::string_view subject, int64_t limit, int64_t window_ms) {
  if (window_ms > longest_window_ms) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "window_ms must be at most a year in milliseconds, got " + std::to_string(window_ms));
  }
  if (limit > window_ms) {
    throw error(CACHECORE_INVALID_ARGUMENT, "limit must be at most one attempt a millisecond of window_ms, got " +
                                                std::to_string(limit) + " in " + std::to_string(window_ms));
  }
  if (!server_checked_) co_await check_server(call);
  // Names and addresses are people's: what is kept is their digest.
  const std::string selector = digest_of(host_, subject).selector();
  const value key = call.key("auth:a:{", selector, "}");
  const value counted = co_await call.script(attempt_script, keys(key), limit, window_ms);
  co_return call.map({{"allowed", part(counted, 0).as_int() == 1},
                      {"remaining", part(counted, 1).as_int()},
                      {"retry_after_ms", part(counted, 2).as_int()},
                      {"reset_after_ms", part(counted, 3).as_int()}});
}

}  // namespace auth_plugin
