// regions.h: the regions of an instance: policy, figures, the last marker seen of each, and its near cache.
//
// A region is made when its name is first heard and lives as long as the instance, so it is referred to by its address.
// Finding one takes no lock: a table of atomic slots, which only grows.
//
// Thread rule: any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "figures.h"
#include "marker.h"
#include "near.h"
#include "policy.h"

namespace cache_plugin {

class region {
 public:
  region(std::string_view name, std::shared_ptr<const policy> how, near_report &report);

  [[nodiscard]] const std::string &name() const noexcept { return name_; }
  // The name as a part of keys: what parts keys and what hash tags are made of is written as %XX, so that no two pairs
  // of a region and a key make the same key of Redis.
  [[nodiscard]] const std::string &key_part() const noexcept { return key_part_; }
  // The reverse; nothing for what no region's name becomes.
  [[nodiscard]] static std::optional<std::string> name_of(std::string_view key_part);

  [[nodiscard]] std::shared_ptr<const policy> how() const;
  void define(std::shared_ptr<const policy> how);

  // Null where the policy has no `l1` and keeps nothing in an outage.
  [[nodiscard]] near_region *near() const noexcept { return near_.load(std::memory_order_acquire); }

  // The latest marker that was read in full; null at first.
  [[nodiscard]] std::shared_ptr<const marker> marks() const;
  void remember(std::shared_ptr<const marker> marks);

  // The epoch of a tag's last invalidation as the hash of tags said under a marker of `as_of`; see tags.cpp.
  struct tag_epoch {
    int64_t epoch;
    int64_t as_of;
  };
  [[nodiscard]] std::optional<tag_epoch> tag(std::string_view name) const;
  void remember_tag(std::string_view name, const tag_epoch &known);

  figures counted;
  // What near caches compare their copies with; see near.h.
  heard_marker heard;

 private:
  static constexpr size_t most_tags_remembered = 10'000;

  const std::string name_;
  const std::string key_part_;
  near_report &report_;
  mutable std::mutex mutex_;
  std::shared_ptr<const policy> how_;
  std::shared_ptr<const marker> marks_;
  std::unordered_map<std::string, tag_epoch> tags_;
  std::atomic<near_region *> near_{nullptr};
  // Also those of policies that were replaced: a reader may still be in one. They are empty.
  std::vector<std::unique_ptr<near_region>> near_caches_;
};

using region_ref = region *;

class regions {
 public:
  regions(const policy &standard, near_report &report);

  [[nodiscard]] const policy &standard() const noexcept { return *standard_; }
  // The region of that name; made with the standard policy if there was none.
  [[nodiscard]] region_ref get(std::string_view name);
  // Null where there is none.
  [[nodiscard]] region_ref find(std::string_view name) const noexcept;
  // Of all regions; needs no memory.
  void forget_markers() noexcept;
  // All of them, by name.
  [[nodiscard]] std::vector<region_ref> all() const;

 private:
  // Open addressing; at most half full.
  struct table {
    explicit table(size_t count) : slots(count) {}
    std::vector<std::atomic<region *>> slots;
  };

  static void place(table &into, region *added) noexcept;

  const std::shared_ptr<const policy> standard_;
  near_report &report_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<region>, std::less<>> by_name_;
  std::vector<std::unique_ptr<table>> tables_;  // readers may still be in an older one
  std::atomic<table *> current_;
};

}  // namespace cache_plugin
