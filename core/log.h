// log.h: the records of a core: to the options' callback, and to whoever reads the stream `core.log`.
//
// Thread rule: write on any thread; the callback runs on the thread that writes. Never a secret.
#pragma once

#include <cachecore/options.h>

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

namespace cachecore_internal {

struct core_log {
  cachecore_log_function function = nullptr;
  void *context = nullptr;

  void write(int32_t level, const std::string &message) noexcept;

  // Listeners get every record; they only pass it on (no lock of theirs may be waited for). Returns a number for
  // remove.
  uint64_t add_listener(std::function<void(int32_t, const std::string &)> listener);
  void remove_listener(uint64_t number) noexcept;

  // In a forked child: the listeners were the parent's.
  void after_fork() noexcept;

 private:
  std::mutex mutex_;
  std::unordered_map<uint64_t, std::function<void(int32_t, const std::string &)>> listeners_;
  uint64_t next_ = 1;
};

const char *level_name(int32_t level) noexcept;

}  // namespace cachecore_internal
