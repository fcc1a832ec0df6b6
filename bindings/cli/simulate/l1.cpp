// l1.cpp: the near cache, replayed: its own code, told to weigh values instead of keeping them.
#include "plugins/cache/l1/l1.h"

#include "plugins/cache/l1/hash.h"
#include "policy.h"

namespace simulate {

namespace {

using cache_plugin::near_cache;
using cache_plugin::near_hash;
using cache_plugin::near_limits;

class l1 : public policy {
 public:
  explicit l1(const near_limits &limits) : cache_(limits) {}

  bool request(uint64_t id, uint32_t size) override {
    const std::string_view key(reinterpret_cast<const char *>(&id), sizeof(id));
    const uint64_t hash = near_hash(key, 0);
    if (cache_.find(key, hash, [](const cache_plugin::copy_view &) { return true; })) return true;
    cache_.put_size(key, hash, size, 0);
    return false;
  }

 private:
  near_cache cache_;
};

}  // namespace

std::unique_ptr<policy> make_l1(const capacity &limit) {
  near_limits limits;
  limits.max_bytes = limit.size;
  limits.max_entries = limit.of_objects ? limit.size : 0;
  limits.sizes_only = true;
  return std::make_unique<l1>(limits);
}

}  // namespace simulate
