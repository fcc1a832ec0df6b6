// lfu.cpp: least frequently used; uses are counted while an object is there.
#include <set>
#include <tuple>
#include <unordered_map>

#include "policy.h"

namespace simulate {

namespace {

class lfu : public policy {
 public:
  explicit lfu(uint64_t capacity) : capacity_(capacity) {}

  bool request(uint64_t id, uint32_t size) override {
    clock_++;
    const auto found = objects_.find(id);
    if (found != objects_.end()) {
      object &used = found->second;
      order_.erase({used.uses, used.last, id});
      used.uses++;
      used.last = clock_;
      order_.insert({used.uses, used.last, id});
      return true;
    }
    if (size > capacity_) return false;
    while (used_ + size > capacity_) {
      const auto gone = objects_.find(std::get<2>(*order_.begin()));
      used_ -= gone->second.size;
      objects_.erase(gone);
      order_.erase(order_.begin());
    }
    objects_[id] = {1, clock_, size};
    order_.insert({1, clock_, id});
    used_ += size;
    return false;
  }

 private:
  struct object {
    uint64_t uses;
    uint64_t last;
    uint32_t size;
  };

  const uint64_t capacity_;
  uint64_t used_ = 0;
  uint64_t clock_ = 0;
  std::unordered_map<uint64_t, object> objects_;
  std::set<std::tuple<uint64_t, uint64_t, uint64_t>> order_;  // uses, the last of them, id
};

}  // namespace

std::unique_ptr<policy> make_lfu(const capacity &limit) { return std::make_unique<lfu>(limit.size); }

}  // namespace simulate
