// listening.cpp: the process' channel, over which it hears what it was granted and what was taken from it.
//
// One channel a process, subscribed to when it first waits or watches: a grant is heard by the one process it is for,
// and not by all that wait in its bucket. What may have been missed is asked for: at every confirmation of the
// subscription, the first included, every line is looked at once,
// and every hold that is watched is renewed; and while there is none, every fifth of a second.

#include "lock.h"

namespace lock_plugin {

namespace {

constexpr int64_t retry_ms = 1'000;

}  // namespace

void locks::start_listening() noexcept {
  if (listening_.load(std::memory_order_acquire) || listening_.exchange(true)) return;
  try {
    host_.spawn<&locks::listen>("lock.listen");
  } catch (...) {
    listening_.store(false);
  }
}

task<void> locks::listen(call &call) {
  bool closing = false;
  try {
    const std::string channel = channels_ + std::string(process_.data(), process_size);
    const subscription messages = call.subscribe(channel);
    for (;;) {
      const message heard = co_await messages.next();
      if (heard.kind() == "message") {
        hear(heard.payload());
      } else {
        set_deaf(heard.kind() == "deaf");
        look_everywhere();
        ask_for_watched();
      }
    }
  } catch (const error &why) {
    closing = why.status() == CACHECORE_CLOSED || why.status() == CACHECORE_CANCELLED;
    if (!closing) host_.log(severity::warning, std::string("waiting without the channel: ") + why.what());
  }
  if (closing) co_return;
  set_deaf(true);
  look_everywhere();
  try {
    co_await call.sleep(retry_ms);
  } catch (const error &) {
    co_return;
  }
  listening_.store(false);
  start_listening();
}

void locks::ask_for_watched() noexcept {
  bool start = false;
  {
    const std::lock_guard lock(holds_.mutex());
    start = holds_.ask_for_watched(host_.now_ms());
  }
  if (start) start_hold_watch();
}

void locks::set_deaf(bool deaf) noexcept {
  const std::lock_guard lock(lines_.mutex());
  lines_.set_deaf(deaf);
}

void locks::look_everywhere() noexcept {
  bool start = false;
  {
    const std::lock_guard lock(lines_.mutex());
    start = lines_.look_at_all(host_.now_ms());
  }
  if (start) start_line_watch();
}

void locks::hear(std::string_view text) {
  const auto heard = parse_announcement(text);
  if (!heard) return;
  if (heard->kind == 'g' || heard->kind == 'e') {
    bool start = false;
    {
      // One that nobody waits for any more was heard of by a look before, or its withdrawal is on its way.
      const std::lock_guard lock(lines_.mutex());
      const waiter_ref waiting = lines_.find(heard->id);
      if (waiting == nullptr) return;
      if (heard->kind == 'g') {
        lines::wake(*waiting, {turn::kind::granted, heard->fence.number(), heard->ends_at});
      } else if (waiting->entered) {
        start = lines_.look_again(waiting->name, heard->ends_at + waiting->clock + 1);
      }
    }
    if (start) start_line_watch();
    return;
  }
  const std::lock_guard lock(holds_.mutex());
  if (const hold_ref held = holds_.find(heard->id)) {
    holds_.end(held, {"lost", heard->kind == 'f' ? "it was taken by force_release" : "its lease was over"});
  }
}

}  // namespace lock_plugin
