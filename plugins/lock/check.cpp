// check.cpp: looking after locks that this process waits for (lines.h says when).

#include <algorithm>

#include "lock.h"
#include "scripts.h"

namespace lock_plugin {

namespace {

constexpr size_t looks_at_once = 64;
constexpr int64_t retry_ms = 250;

}  // namespace

task<void> locks::look_at(call &call, look asked) {
  const lock_keys keys = keys_of(call, asked.name);
  const std::span<value> arguments = call.array(1 + 2 * asked.waiters.size());
  const int64_t sent_at = host_.now_ms();
  arguments[0] = value(std::string_view(channels_));
  for (size_t i = 0; i < asked.waiters.size(); i++) {
    arguments[2 * i + 1] = value(asked.waiters[i]->id.view());
    arguments[2 * i + 2] = value(asked.waiters[i]->alive_for(sent_at));
  }
  const value names[] = {keys.state, keys.holders, keys.waiters, keys.fence};
  int64_t again_at = host_.now_ms() + retry_ms;
  bool start = false;
  try {
    const reply answer = co_await call.script_words(scripts::check(), names, arguments);
    const list_view parts = answer.items();
    const std::lock_guard lock(lines_.mutex());
    const int64_t next_end = parts[0].as_int();
    again_at = host_.now_ms() + (next_end < 0 ? retry_ms : next_end + 1);
    for (size_t i = 0; i < asked.waiters.size(); i++) {
      waiter &each = *asked.waiters[i];
      const list_view said = parts[i + 2].items();
      each.clock = std::max(each.clock, sent_at - parts[1].as_int());
      if (said[0].as_int() == 1) {
        const auto fence = parse_fence(said[1].as_text());
        if (fence) lines::wake(each, {turn::kind::granted, fence->number(), said[2].as_int()});
      } else if (said[0].as_int() < 0) {
        lines::wake(each, {turn::kind::again, 0, 0});
      }
    }
    start = lines_.look_again(asked.name, again_at);
    call.forget(answer);
  } catch (const error &) {
    // The server is away, or the core is being closed.
    const std::lock_guard lock(lines_.mutex());
    start = lines_.look_again(asked.name, again_at);
  }
  if (start) start_line_watch();
}

task<void> locks::watch_lines(call &call) {
  int64_t due = never;
  {
    const std::lock_guard lock(lines_.mutex());
    due = lines_.next.due();
  }
  if (due == never) co_return;
  try {
    co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
  } catch (const error &) {
    co_return;
  }
  std::vector<look> looks;
  {
    const std::lock_guard lock(lines_.mutex());
    if (lines_.next.due() != due) co_return;
    looks = lines_.take_due(host_.now_ms());
    due = lines_.next.due();
  }
  // This one is done with, so that its memory goes; the next one sleeps meanwhile.
  if (due != never) start_line_watch();
  std::vector<task<void>> round;
  for (look &each : looks) {
    round.push_back(look_at(call, std::move(each)));
    if (round.size() == looks_at_once) (void)co_await all(std::exchange(round, {}));
  }
  if (!round.empty()) (void)co_await all(std::move(round));
}

void locks::start_line_watch() noexcept {
  try {
    host_.spawn<&locks::watch_lines>("lock.waiting");
  } catch (...) {
    // The core is being closed or reset, and all who wait are given up; or there is no memory, and the next one tries
    // again.
    const std::lock_guard lock(lines_.mutex());
    lines_.next.set_to(never);
  }
}

}  // namespace lock_plugin
