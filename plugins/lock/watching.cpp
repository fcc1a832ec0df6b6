// watching.cpp: what can be seen of locks.

#include "lock.h"
#include "scripts.h"

namespace lock_plugin {

namespace {

constexpr int64_t holders_shown = 1'000;

const char *mode_name(std::string_view how) {
  if (how == "x") return "exclusive";
  if (how == "r") return "read";
  if (how == "s") return "semaphore";
  return nullptr;
}

}  // namespace

task<void> locks::watch(call &call, std::string_view lock) {
  const handle of = parsed(lock);
  start_listening();
  const hold_ref held = find_hold(of.id);
  if (held == nullptr) {
    throw error(CACHECORE_CONFLICT, "lock: this process does not hold " + std::string(of.name.substr(0, 200)) +
                                        " by that handle (any more)");
  }
  call.emit_map({{"event", "held"}, {"fence", held->fence}});
  ending how;
  {
    std::unique_lock guard(holds_.mutex());
    if (held->ended) {
      how = held->how_ended;
    } else {
      how = (co_await held->watchers.wait(call, guard)).grant;
    }
  }
  call.emit_map({{"event", how.event}, {"fence", held->fence}, {"reason", how.reason}});
}

task<value> locks::status(call &call, std::string_view name) {
  const lock_keys keys = keys_of(call, name);
  const reply answer =
      co_await call
          .script(scripts::status(), cachecore::plugin::keys(keys.state, keys.holders, keys.waiters), holders_shown)
          .read();
  const list_view parts = answer.items();
  std::vector<value> holders;
  for (size_t i = 3; i + 3 < parts.size(); i += 4) {
    const auto id = parse_token(parts[i].as_text());
    const hold_ref held = id ? find_hold(*id) : nullptr;
    const auto fence = parse_fence(parts[i + 2].as_text());
    value number;
    if (fence) number = value(fence->number());
    // A lock that was taken without a script: the one who holds it knows.
    if (number.is_nil() && held != nullptr) number = value(held->fence);
    const std::string_view owner = parts[i + 3].as_text();
    holders.push_back(call.map({{"owner", owner.empty() ? value() : value(owner)},
                                {"expires_in_ms", parts[i + 1].as_int()},
                                {"fence", number},
                                {"here", held != nullptr}}));
  }
  const int64_t count = parts[1].as_int();
  co_return call.map({{"held", count > 0},
                      {"mode", count > 0 ? mode_name(parts[0].as_text()) : nullptr},
                      {"count", count},
                      {"waiting", parts[2].as_int()},
                      {"holders", call.list(holders)}});
}

}  // namespace lock_plugin
