// marker.h: what a region knows of its invalidations.
//
// One key a region, one string, written only by scripts/mark.lua:
//
//     at    size
//     0     1     1, the version of this layout
//     1     8     incarnation: random, new whenever the marker had to be made
//     9     8     epoch: rises with every invalidation
//     17    8     cleared: entries of an earlier epoch are all invalid
//     25          the patterns invalidated since: 8 bytes epoch, 2 bytes size, the pattern; newest last
//
// An entry carries the incarnation and epoch that were read before its load began. Every lookup reads the marker's
// first 25 bytes in the same round trip as the entry, and all of it only when they have changed. So an invalidation is
// seen by every lookup that begins after it was written, in any process, however long a load under way takes to finish.
// A marker that was lost (eviction, FLUSHDB) comes back with another incarnation, and what was stored under the old one
// is loaded anew: losing it can cost loads, never show what was invalidated.
//
// Thread rule: immutable once made.
#pragma once

#include <string_view>
#include <vector>

#include "entry.h"

namespace cache_plugin {

class marker {
 public:
  static constexpr size_t header_size = 25;

  // Nothing for what is no marker of this version.
  [[nodiscard]] static std::shared_ptr<const marker> parse(std::string_view stored);

  [[nodiscard]] const generation &now() const noexcept { return now_; }
  // Whether `header`, the first bytes of a marker, says what this one says.
  [[nodiscard]] bool is(std::string_view header) const noexcept { return header == header_; }

  // Whether what was loaded under `seen` is untouched by all invalidations that this marker knows.
  [[nodiscard]] bool admits(const generation &seen, std::string_view key) const;

 private:
  struct invalidation {
    int64_t epoch;
    std::string pattern;
  };

  std::string header_;
  generation now_;
  int64_t cleared_ = 0;
  std::vector<invalidation> patterns_;
};

}  // namespace cache_plugin
