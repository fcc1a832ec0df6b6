// plain.cpp: enqueue, enqueue_at, dequeue.

#include "queue.h"
#include "scripts.h"

namespace queue_plugin {

namespace {

constexpr int64_t block_ms = 5000;
constexpr int64_t pause_after_failure_ms = 250;
constexpr int rounds_of_one = 100;

// The twin of a list in the same slot: a name without a hash tag becomes one.
std::string_view delayed_key(call &call, std::string_view queue) {
  const size_t open = queue.find('{');
  const size_t close = open == std::string_view::npos ? open : queue.find('}', open + 1);
  const bool tagged = close != std::string_view::npos && close > open + 1;
  if (tagged || !call.host().key_prefix().empty()) return call.key(queue, ":delayed");
  return call.key("{", queue, "}:delayed");
}

}  // namespace

task<int64_t> queues::enqueue(call &call, std::string_view queue, value data) {
  if (!checked_.load(std::memory_order_acquire)) co_await begin(call, nullptr);
  co_return (co_await call.redis("RPUSH", call.key(queue), store(call, data).bytes)).as_int();
}

task<void> queues::enqueue_at(call &call, std::string_view queue, value data, int64_t at) {
  if (!checked_.load(std::memory_order_acquire)) co_await begin(call, nullptr);
  (void)co_await call.redis("ZADD", delayed_key(call, queue), at, store(call, data).bytes).idempotent();
}

task<void> queues::undo_dequeue(call &call, value granted) {
  // {queue, value}: see dequeue.
  const map_view held = granted.pairs();
  (void)co_await call.redis("LPUSH", call.key(held["queue"].as_text()), held["value"]);
}

// Pops for everybody who looks, until nobody does.
task<void> queues::look_at_plain(call &call) {
  plain_line *line = nullptr;
  {
    const std::lock_guard lock(plain_.mutex);
    if (plain_.to_look.empty()) co_return;
    line = plain_.to_look.front();
    plain_.to_look.pop_front();
  }
  const auto names = keys(call.key(line->name), delayed_key(call, line->name));
  for (;;) {
    value popped;
    try {
      const reply found = co_await call.script(scripts::plain(), names);
      popped = found.items()[0];
    } catch (const error &) {
      const std::lock_guard lock(plain_.mutex);
      line->looks = false;
      (void)line->looking.wake_all({}, value("!"));
      co_return;
    }
    bool handed = popped.is_nil();
    {
      const std::lock_guard lock(plain_.mutex);
      if (popped.is_nil()) {
        (void)line->looking.wake_all({}, value());
      } else {
        const value one[] = {popped};
        handed = line->looking.wake_one({}, value(std::span<const value>(one)));
      }
      if (line->looking.empty()) line->looks = false;
      if (handed && !line->looks) co_return;
    }
    if (!handed) {
      try {
        (void)co_await call.redis("LPUSH", call.key(line->name), popped);
      } catch (const error &failed) {
        host_.log(severity::error, "a value of the list " + line->name +
                                       " was taken and could not be put back: " + std::string(failed.message()));
      }
      co_return;
    }
  }
}

// Blocks until the list has something, and lets one who waits look.
task<void> queues::block_for_plain(call &call) {
  plain_line *line = nullptr;
  {
    const std::lock_guard lock(plain_.mutex);
    if (plain_.to_block.empty()) co_return;
    line = plain_.to_block.front();
    plain_.to_block.pop_front();
  }
  const value list = call.key(line->name);
  const value later = delayed_key(call, line->name);
  for (int round = 0;; round++) {
    {
      const std::lock_guard lock(plain_.mutex);
      if (line->waiting.empty() || round == rounds_of_one) {
        line->blocks = false;
        (void)line->waiting.wake_all();  // who still waits starts another
        co_return;
      }
    }
    bool failed = false;
    try {
      const reply first = co_await call.redis("ZRANGE", later, 0, 0, "WITHSCORES");
      int64_t longest = block_ms;
      if (!first.items().empty()) {
        const value clock = co_await call.redis("TIME");
        const int64_t now = clock.items()[0].parsed_int() * 1000 + clock.items()[1].parsed_int() / 1000;
        longest = std::clamp<int64_t>(first.items()[1].parsed_int() - now, 1, block_ms);
      }
      call.forget(first);
      lease connection = co_await call.lease(list);
      (void)co_await connection.redis("BLMOVE", list, list, "LEFT", "LEFT", static_cast<double>(longest) / 1000);
      connection.release();
    } catch (const error &) {
      failed = true;
    }
    if (call.given_up() == CACHECORE_OK && failed) {
      try {
        co_await call.sleep(pause_after_failure_ms);
      } catch (const error &) {
        failed = true;
      }
    }
    const std::lock_guard lock(plain_.mutex);
    if (call.given_up() != CACHECORE_OK) {
      line->blocks = false;
      (void)line->waiting.wake_all();
      co_return;
    }
    (void)line->waiting.wake_one();
  }
}

task<value> queues::dequeue(call &call, std::string_view name, int64_t wait_ms) {
  if (!checked_.load(std::memory_order_acquire)) co_await begin(call, nullptr);
  const int64_t until = wait_ms < 0 ? never : host_.now_ms() + wait_ms;
  for (;;) {
    std::unique_lock lock(plain_.mutex);
    plain_line &line = plain_.get(name);
    if (!line.looks) {
      host_.spawn<&queues::look_at_plain>("queue.plain");
      line.looks = true;
      plain_.to_look.push_back(&line);
    }
    const value found = (co_await line.looking.wait(call, lock)).payload;
    if (found.is(CACHECORE_LIST)) co_return call.map({{"queue", name}, {"value", found.items()[0]}});
    if (found.is(CACHECORE_BYTES)) {
      // The look failed, and this says why.
      auto both = call.pipeline();
      both.add("LLEN", call.key(name)).add("ZCARD", delayed_key(call, name));
      const value replies = co_await both.read();
      for (const value &each : replies.items()) (void)each.or_throw();
      throw error(CACHECORE_UNAVAILABLE, "the list could not be read: try again");
    }
    if (until <= host_.now_ms()) co_return not_found;
    std::unique_lock again(plain_.mutex);
    if (!line.blocks) {
      host_.spawn<&queues::block_for_plain>("queue.plain");
      line.blocks = true;
      plain_.to_block.push_back(&line);
    }
    line.deadline = std::min(line.deadline, until);
    if (until < plain_.alarm) {
      host_.spawn<&queues::keep_plain_time>("queue.time");
      plain_.alarm = until;
    }
    (void)co_await line.waiting.wait(call, again);
  }
}

task<void> queues::keep_plain_time(call &call) {
  int64_t due = never;
  {
    const std::lock_guard lock(plain_.mutex);
    due = plain_.alarm;
  }
  while (due != never) {
    try {
      co_await call.sleep(std::max<int64_t>(due - host_.now_ms(), 0));
    } catch (const error &) {
      co_return;
    }
    const std::lock_guard lock(plain_.mutex);
    if (plain_.alarm != due) co_return;  // another sleeper wakes earlier
    const int64_t now = host_.now_ms();
    due = never;
    for (const auto &[name, line] : plain_.by_name) {
      if (line->deadline <= now) {
        // Whoever has time left says so again.
        line->deadline = never;
        (void)line->waiting.wake_all();
      }
      due = std::min(due, line->deadline);
    }
    plain_.alarm = due;
  }
}

}  // namespace queue_plugin
