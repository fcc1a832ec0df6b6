// lru.cpp: least recently used.
#include <list>
#include <unordered_map>

#include "policy.h"

namespace simulate {

namespace {

class lru : public policy {
 public:
  explicit lru(uint64_t capacity) : capacity_(capacity) {}

  bool request(uint64_t id, uint32_t size) override {
    const auto found = where_.find(id);
    if (found != where_.end()) {
      order_.splice(order_.end(), order_, found->second);
      return true;
    }
    if (size > capacity_) return false;
    while (used_ + size > capacity_) {
      used_ -= order_.front().size;
      where_.erase(order_.front().id);
      order_.pop_front();
    }
    order_.push_back({id, size});
    where_[id] = std::prev(order_.end());
    used_ += size;
    return false;
  }

 private:
  struct object {
    uint64_t id;
    uint32_t size;
  };

  const uint64_t capacity_;
  uint64_t used_ = 0;
  std::list<object> order_;  // the one used last is at the end
  std::unordered_map<uint64_t, std::list<object>::iterator> where_;
};

}  // namespace

std::unique_ptr<policy> make_lru(const capacity &limit) { return std::make_unique<lru>(limit.size); }

}  // namespace simulate
