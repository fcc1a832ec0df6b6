// s3_fifo.cpp: S3-FIFO: J. Yang, Y. Zhang, Z. Qiu, Y. Yue, R. Vinayak, "FIFO Queues are All You Need for Cache
// Eviction", SOSP 2023.
//
// A small queue of a tenth, a main queue, and the ids of what lately left the small one. What was used more than once
// in the small queue, or comes back while its id is remembered, goes to the main queue, where up to three uses each
// give another round.
#include <algorithm>
#include <list>
#include <unordered_map>

#include "policy.h"

namespace simulate {

namespace {

class s3_fifo : public policy {
 public:
  explicit s3_fifo(uint64_t capacity) : capacity_(capacity), small_capacity_(std::max<uint64_t>(capacity / 10, 1)) {}

  bool request(uint64_t id, uint32_t size) override {
    const auto found = where_.find(id);
    if (found != where_.end()) {
      if (found->second->uses < most_uses) found->second->uses++;
      return true;
    }
    if (size > capacity_) return false;
    while (small_.used + main_.used + size > capacity_) evict();
    const bool came_back = forget(id);
    push(came_back ? main_ : small_, {id, size, 0});
    return false;
  }

 private:
  static constexpr unsigned most_uses = 3;
  static constexpr unsigned uses_for_main = 2;

  struct object {
    uint64_t id;
    uint32_t size;
    unsigned uses;
  };
  struct queue {
    std::list<object> order;  // the newest is at the end
    uint64_t used = 0;
  };

  void push(queue &to, const object &pushed) {
    to.order.push_back(pushed);
    to.used += pushed.size;
    where_[pushed.id] = std::prev(to.order.end());
  }

  static object pop(queue &from) {
    const object oldest = from.order.front();
    from.order.pop_front();
    from.used -= oldest.size;
    return oldest;
  }

  void evict() {
    if (small_.used >= small_capacity_ || main_.order.empty()) {
      object oldest = pop(small_);
      if (oldest.uses >= uses_for_main) {
        oldest.uses = 0;
        push(main_, oldest);
        return;
      }
      where_.erase(oldest.id);
      remember(oldest);
      return;
    }
    object oldest = pop(main_);
    if (oldest.uses > 0) {
      oldest.uses--;
      push(main_, oldest);
      return;
    }
    where_.erase(oldest.id);
  }

  void remember(const object &gone) {
    const uint64_t most = capacity_ - std::min(capacity_, small_capacity_);
    ghosts_.order.push_back(gone);
    ghosts_.used += gone.size;
    ghost_where_[gone.id] = std::prev(ghosts_.order.end());
    while (ghosts_.used > most && !ghosts_.order.empty()) ghost_where_.erase(pop(ghosts_).id);
  }

  bool forget(uint64_t id) {
    const auto found = ghost_where_.find(id);
    if (found == ghost_where_.end()) return false;
    ghosts_.used -= found->second->size;
    ghosts_.order.erase(found->second);
    ghost_where_.erase(found);
    return true;
  }

  const uint64_t capacity_;
  const uint64_t small_capacity_;
  queue small_;
  queue main_;
  queue ghosts_;
  std::unordered_map<uint64_t, std::list<object>::iterator> where_;
  std::unordered_map<uint64_t, std::list<object>::iterator> ghost_where_;
};

}  // namespace

std::unique_ptr<policy> make_s3_fifo(const capacity &limit) { return std::make_unique<s3_fifo>(limit.size); }

}  // namespace simulate
