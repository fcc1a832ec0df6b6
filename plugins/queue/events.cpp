// events.cpp: what happens to a queue's jobs, as a stream.
//
// The scripts write events only while somebody listens: `events_until` among the queue's rules, which each listener
// moves on.

#include <cstdlib>

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

constexpr int64_t listens_ms = 30000;
constexpr int64_t block_ms = 5000;

}  // namespace

task<void> queues::events(call &call, std::string_view queue, bool from_start) {
  const std::string_view stream = call.key("{q:", queue, "}:events");
  const value base = base_of(call, queue);
  // Where it begins is settled before the first event is written for this listener.
  std::string last = "0-0";
  if (!from_start) {
    const reply newest = co_await call.redis("XREVRANGE", stream, "+", "-", "COUNT", 1);
    if (!newest.items().empty()) last = newest.items()[0].items()[0].as_text();
    call.forget(newest);
  }
  lease connection = co_await call.lease(value(stream));
  auto commands = connection.commands();
  auto arguments = call.words();
  for (bool first = true;; first = false) {
    const reply clock = co_await call.redis("TIME");
    const std::string until = std::to_string(clock.items()[0].parsed_int() * 1000 + listens_ms);
    call.forget(clock);
    arguments.clear();
    arguments.add(words_of_settings(), "events_until", std::string_view(until));
    const reply changed = co_await call.script_words(scripts::rules(), {&base, 1}, arguments.all());
    call.forget(changed);
    (void)co_await call.redis("PEXPIRE", stream, 3600000);
    if (first) call.emit_map({{"event", "listening"}, {"queue", queue}});
    commands.clear();
    commands.add("XREAD", "COUNT", 100, "BLOCK", block_ms, "STREAMS", stream, std::string_view(last));
    reply replies(nullptr);
    try {
      replies = co_await commands;
    } catch (const error &) {
      // Whoever listens no more has changed nothing, whatever became of the read that waits.
      if (call.given_up() != CACHECORE_OK) throw error(CACHECORE_CANCELLED, "nobody listens any more");
      throw;
    }
    const value read = replies.items()[0].or_throw();
    if (!read.is_nil()) {
      for (const value &item : read.items()[0].items()[1].items()) {
        last = item.items()[0].as_text();
        const value paired = item.items()[1].paired();
        const map_view fields = paired.pairs();
        call.emit_map({{"event", fields["event"]},
                       {"queue", queue},
                       {"id", fields["id"]},
                       {"detail", fields["detail"]},
                       {"at", static_cast<int64_t>(std::strtoll(last.c_str(), nullptr, 10))}});
      }
    }
    call.forget(replies);
  }
}

}  // namespace queue_plugin
