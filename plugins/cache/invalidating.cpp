// invalidating.cpp: invalidations of many keys at once, none of which is looked for.
//
// Each is one script on the region's marker. This process forgets what it knows when the marker has been written, or
// may have been: the loads that it concerns are detached or remember the tag (flights.h), the marker is forgotten, so
// that copies are not served before it has been read again, and what no marker reaches (copies made without tracking,
// or while Redis was away) is taken out.

#include <cachecore/plugin/glob.hpp>

#include "at_exit.h"
#include "cache.h"

namespace cache_plugin {

namespace {

constexpr size_t longest_pattern = 1024;

}  // namespace

task<void> cache::invalidate(call &call, std::string_view region_name, std::string_view pattern) {
  if (pattern.size() > longest_pattern) {
    throw error(CACHECORE_INVALID_ARGUMENT, "pattern has " + std::to_string(pattern.size()) +
                                                " bytes; at most 1024 are kept for every read to match");
  }
  const region_ref home = regions_.get(region_name);
  bool marked = false;
  const at_exit done([&] {
    flights_.detach_matching(*home, pattern);
    home->heard.forget();
    if (near_region *const copies = home->near(); copies != nullptr) {
      copies->erase_invalidated(!marked, [&](std::string_view key, tag_list) { return glob_matches(pattern, key); });
    }
  });
  co_await mark(call, home, names_of(call, *home, ""), "p", pattern);
  marked = true;
}

task<void> cache::clear(call &call, std::string_view region_name) { co_await invalidate(call, region_name, "*"); }

task<void> cache::invalidate_tag(call &call, std::string_view region_name, std::string_view tag) {
  if (tag.size() > tag_list::longest) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "tag has " + std::to_string(tag.size()) + " bytes; no value can have one of more than 1024");
  }
  const region_ref home = regions_.get(region_name);
  bool marked = false;
  const at_exit done([&] {
    flights_.end_tag(*home, tag);
    home->heard.forget();
    if (near_region *const copies = home->near(); copies != nullptr) {
      copies->erase_invalidated(!marked, [&](std::string_view, tag_list tags) {
        for (const std::string_view each : tags) {
          if (each == tag) return true;
        }
        return false;
      });
    }
  });
  co_await mark(call, home, names_of(call, *home, ""), "t", tag);
  marked = true;
}

}  // namespace cache_plugin
