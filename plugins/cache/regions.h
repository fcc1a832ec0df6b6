// regions.h: the regions of an instance: policy, figures and the last marker seen of each.
//
// A region is made when its name is first heard and lives as long as the instance.
//
// Thread rule: any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "marker.h"
#include "policy.h"

namespace cache_plugin {

// Every lookup and get counts as one of hits, stale and misses.
struct figures {
  std::atomic<int64_t> hits{0};
  std::atomic<int64_t> misses{0};
  std::atomic<int64_t> stale{0};
  std::atomic<int64_t> loads{0};     // leases handed out
  std::atomic<int64_t> failures{0};  // loads that failed, or did not end in time
  std::atomic<int64_t> waiting{0};   // lookups that wait for a load now
  std::atomic<int64_t> away{0};      // lookups that went on without Redis
};

class region {
 public:
  region(std::string_view name, std::shared_ptr<const policy> how);

  [[nodiscard]] const std::string &name() const noexcept { return name_; }
  // The name as a part of keys: what parts keys and what hash tags are made of is written as %XX, so that no two pairs
  // of a region and a key make the same key of Redis.
  [[nodiscard]] const std::string &key_part() const noexcept { return key_part_; }

  [[nodiscard]] std::shared_ptr<const policy> how() const;
  void define(std::shared_ptr<const policy> how);

  // The latest marker that was read in full; null at first.
  [[nodiscard]] std::shared_ptr<const marker> marks() const;
  void remember(std::shared_ptr<const marker> marks);

  figures counted;

 private:
  const std::string name_;
  const std::string key_part_;
  mutable std::mutex mutex_;
  std::shared_ptr<const policy> how_;
  std::shared_ptr<const marker> marks_;
};

using region_ref = std::shared_ptr<region>;

class regions {
 public:
  explicit regions(const policy &standard) : standard_(std::make_shared<const policy>(standard)) {}

  [[nodiscard]] const policy &standard() const noexcept { return *standard_; }
  // The region of that name; made with the standard policy if there was none.
  [[nodiscard]] region_ref get(std::string_view name);
  // All of them, by name.
  [[nodiscard]] std::vector<region_ref> all() const;

 private:
  const std::shared_ptr<const policy> standard_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, region_ref, std::less<>> by_name_;
};

}  // namespace cache_plugin
