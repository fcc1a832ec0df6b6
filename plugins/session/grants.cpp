// grants.cpp: taking back what nobody has heard of.
//
// A session is granted by create and regenerate. Its caller may have gone when the answer comes (then the core calls
// `undo`), while it is on its way, or the answer itself is lost (then `grant` is left armed). In each case the session
// is put on a list, and work without a caller takes it back, for as long as that may take: the server may be away.
// scripts/take_back.lua leaves a mark, since the request that makes the session may still be on its way, too.

#include "scripts.h"
#include "session.h"
#include "take_back.lua.h"

namespace session_plugin {

namespace {

constexpr joined_script take_back_source(take_back_lua);
constexpr cachecore_script take_back_script = script_of(take_back_source);

constexpr size_t most_left = 10'000;
constexpr int64_t patience_ms = 300'000;
constexpr int64_t longest_pause_ms = 5'000;

}  // namespace

void session::grant::failed(const error &why) noexcept {
  switch (why.status()) {
    case CACHECORE_TIMEOUT:
    case CACHECORE_CANCELLED:
    case CACHECORE_UNAVAILABLE:
    case CACHECORE_INVALID_ARGUMENT:
    case CACHECORE_BUSY:
      asked_ = false;  // nothing was sent
      return;
    default:
      return;
  }
}

task<void> session::undo(call & /*call*/, value granted) {
  const std::optional<token> id = read_token(granted.pairs()["id"].as_text(), token_kind::id);
  if (id) take_back_later(place_of_id(crypto(), *id));
  co_return;
}

void session::take_back_later(const place &at) noexcept {
  try {
    {
      const std::lock_guard lock(grants_mutex_);
      if (left_.size() >= most_left) left_.pop_front();
      left_.push_back({at, host_.now_ms() + patience_ms, 10});
      if (taking_back_) return;
      taking_back_ = true;
    }
    host_.spawn<&session::take_back_left>("session.take_back");
  } catch (const std::exception &) {
    // The core is being closed, or there is no memory. What stays is known to nobody and expires.
    const std::lock_guard lock(grants_mutex_);
    taking_back_ = false;
  }
}

task<void> session::take_back_left(call &call) {
  for (;;) {
    left_grant next;
    {
      const std::lock_guard lock(grants_mutex_);
      if (left_.empty() || call.given_up() != CACHECORE_OK) {
        taking_back_ = false;
        co_return;
      }
      next = left_.front();
      left_.pop_front();
    }
    bool away = false;
    try {
      const reply answer =
          co_await call.script(take_back_script, keys(key(call, next.at)), home(call, next.at.bucket), next.at.text())
              .idempotent();
      call.forget(answer);
      taken_back_.add();
    } catch (const error &failed) {
      away = failed.status() != CACHECORE_REJECTED;
      if (!away) host_.log(severity::warning, std::string("a session was not taken back: ") + failed.what());
    }
    if (!away) continue;
    const int64_t pause_ms = next.pause_ms;
    next.pause_ms = std::min<int64_t>(pause_ms * 2, longest_pause_ms);
    if (host_.now_ms() < next.until_ms) {
      const std::lock_guard lock(grants_mutex_);
      left_.push_back(next);
    }
    try {
      co_await call.sleep(pause_ms);
    } catch (const error &) {
      continue;  // given up: the next turn ends
    }
  }
}

}  // namespace session_plugin
