// slow.cpp: what took long, here and in the servers.
//
// Of the servers' own list only a command's name and the beginning of its first argument (the key) are told: the rest
// may be somebody's data.
#include <algorithm>

#include "monitor.h"

namespace monitor_plugin {

namespace {

constexpr size_t longest_key = 64;

// An item of SLOWLOG GET: [number, when, microseconds, [words], client, ...].
value show(call &call, const value &logged, int64_t node) {
  const list_view fields = logged.items();
  if (fields.size() < 4) return {};
  const list_view words = fields[3].items();
  const std::string_view command = words.empty() ? std::string_view() : words[0].as_text();
  const std::string_view key = words.size() < 2 ? std::string_view() : words[1].as_text();
  return call.map({{"command", call.copy(command)},
                   {"key", call.copy(key.substr(0, longest_key))},
                   {"at_ms", fields[1].as_int() * 1'000},
                   {"took_us", fields[2].as_int()},
                   {"server", node}});
}

}  // namespace

task<value> monitor::slow(call &call, int64_t count) {
  const std::optional<value> calls = co_await ask(call, "core.slow", count);
  std::vector<value> commands;
  // What a server that is away, or forbids SLOWLOG, would have told is missing; what happened here is not.
  try {
    const reply logs = co_await call.each_node("SLOWLOG", "GET", count);
    int64_t node = 0;
    for (const value &log : logs.items()) {
      if (log.is(CACHECORE_LIST)) {
        for (const value &each : log.items()) commands.push_back(show(call, each, node));
      }
      node++;
    }
  } catch (const error &) {
    commands.clear();
  }
  std::erase_if(commands, [](const value &each) { return each.is_nil(); });
  std::sort(commands.begin(), commands.end(),
            [](const value &a, const value &b) { return a.pairs()["at_ms"].as_int() > b.pairs()["at_ms"].as_int(); });
  if (commands.size() > static_cast<size_t>(count)) commands.resize(static_cast<size_t>(count));
  co_return call.map({{"calls", calls.value_or(call.list({}))}, {"servers", call.list(commands)}});
}

}  // namespace monitor_plugin
