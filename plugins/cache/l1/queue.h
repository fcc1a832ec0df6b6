// queue.h: copies in the order of their use, linked through their blocks.
//
// Thread rule: the writer's, with its mutex held.
#pragma once

#include "copy.h"

namespace cache_plugin {

struct queue_size {
  size_t bytes = 0;
  size_t entries = 0;
};

class copy_queue {
 public:
  [[nodiscard]] copy_block *front() const noexcept { return first_; }
  [[nodiscard]] const queue_size &size() const noexcept { return size_; }

  void push_back(copy_block &block, size_t weight) noexcept {
    block.set_previous(last_);
    block.set_next(nullptr);
    if (last_ == nullptr) {
      first_ = &block;
    } else {
      last_->set_next(&block);
    }
    last_ = &block;
    size_.bytes += weight;
    size_.entries++;
  }

  void remove(copy_block &block, size_t weight) noexcept {
    copy_block *before = block.previous();
    copy_block *behind = block.next();
    if (before == nullptr) {
      first_ = behind;
    } else {
      before->set_next(behind);
    }
    if (behind == nullptr) {
      last_ = before;
    } else {
      behind->set_previous(before);
    }
    size_.bytes -= weight;
    size_.entries--;
  }

 private:
  copy_block *first_ = nullptr;
  copy_block *last_ = nullptr;
  queue_size size_;
};

}  // namespace cache_plugin
