// sieve.cpp: SIEVE: Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is Simpler than LRU", NSDI 2024.
//
// A queue in the order of arrival and a hand that goes from the oldest to the newest: what was used since it last
// passed stays, what was not goes.
#include <list>
#include <unordered_map>

#include "policy.h"

namespace simulate {

namespace {

class sieve : public policy {
 public:
  explicit sieve(uint64_t capacity) : capacity_(capacity), hand_(queue_.end()) {}

  bool request(uint64_t id, uint32_t size) override {
    const auto found = where_.find(id);
    if (found != where_.end()) {
      found->second->visited = true;
      return true;
    }
    if (size > capacity_) return false;
    while (used_ + size > capacity_) evict();
    queue_.push_back({id, size, false});
    where_[id] = std::prev(queue_.end());
    used_ += size;
    return false;
  }

 private:
  struct object {
    uint64_t id;
    uint32_t size;
    bool visited;
  };

  void evict() {
    for (;; ++hand_) {
      if (hand_ == queue_.end()) hand_ = queue_.begin();
      if (!hand_->visited) break;
      hand_->visited = false;
    }
    used_ -= hand_->size;
    where_.erase(hand_->id);
    hand_ = queue_.erase(hand_);
  }

  const uint64_t capacity_;
  uint64_t used_ = 0;
  std::list<object> queue_;  // the newest is at the end
  std::list<object>::iterator hand_;
  std::unordered_map<uint64_t, std::list<object>::iterator> where_;
};

}  // namespace

std::unique_ptr<policy> make_sieve(const capacity &limit) { return std::make_unique<sieve>(limit.size); }

}  // namespace simulate
