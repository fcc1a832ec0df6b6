#include "core/log.h"

#include <new>

#include "core/runtime/executor.h"

namespace cachecore_internal {

void core_log::write(int32_t level, const std::string &message) noexcept {
  this_thread.log_depth++;
  if (function != nullptr) function(context, level, message.c_str());
  try {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto &[number, listener] : listeners_) listener(level, message);
  } catch (const std::exception &) {
    // A record that cannot be passed on is lost; logging never fails its caller.
  }
  this_thread.log_depth--;
}

uint64_t core_log::add_listener(std::function<void(int32_t, const std::string &)> listener) {
  const std::lock_guard<std::mutex> lock(mutex_);
  listeners_.emplace(next_, std::move(listener));
  return next_++;
}

void core_log::remove_listener(uint64_t number) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  listeners_.erase(number);
}

void core_log::after_fork() noexcept {
  new (&mutex_) std::mutex();
  listeners_.clear();
}

const char *level_name(int32_t level) noexcept {
  static const char *const names[] = {"debug", "info", "warning", "error"};
  return level >= 0 && level <= 3 ? names[level] : "unknown";
}

}  // namespace cachecore_internal
