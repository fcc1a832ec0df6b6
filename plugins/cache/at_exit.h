// at_exit.h: what must happen when a block is left, however.
#pragma once

#include <utility>

namespace cache_plugin {

template <class Action>
class [[nodiscard]] at_exit {
 public:
  explicit at_exit(Action action) : action_(std::move(action)) {}
  at_exit(const at_exit &) = delete;
  at_exit &operator=(const at_exit &) = delete;
  ~at_exit() {
    if (armed_) action_();
  }
  void cancel() noexcept { armed_ = false; }

 private:
  Action action_;
  bool armed_ = true;
};

}  // namespace cache_plugin
