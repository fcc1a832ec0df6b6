// marker.h: what a region knows of its invalidations.
//
// One key a region, one string, written only by scripts/mark.lua:
//
//     at    size
//     0     1     2, the version of this layout
//     1     8     incarnation: random, new whenever the marker had to be made
//     9     8     epoch: rises with every invalidation
//     17    8     cleared: entries of an earlier epoch are all invalid
//     25    8     tags_cleared: entries of an earlier epoch that have tags are all invalid; names the hash of tags, too
//     33    8     tags_listed: all invalidations of tags after this epoch are among the records
//     41          the records: what was invalidated, newest last; each
//                 8 bytes epoch, 1 byte 'p' pattern or 't' tag, 2 bytes size, the pattern or tag
//
// An entry carries the incarnation and epoch that were read before its load began. Every lookup reads the marker's
// header in the same round trip as the entry, and all of it only when it has changed. So an invalidation is seen by
// every lookup that begins after it was written, in any process, however long a load under way takes to finish.
//
// Patterns that are too many clear the region. Tags may be many, so beside the marker, in the same slot, a hash keeps
// the epoch of each tag that was ever invalidated; the marker lists the latest of them, so a reader asks the hash only
// about an entry that is older than the list. The epochs of patterns and tags are those of one clock, the region's, so
// what an entry saw before its load says all there is to say about tags too, also about tags that nobody knew before
// the load had ended.
//
// What gets lost (eviction, FLUSHDB, a failover) costs loads, never shows what was invalidated: a marker comes back
// with another incarnation, under which nothing stored before is valid. The hash carries the marker's tags_cleared in
// its field ""; one that has another, or none, was lost, and then no entry with tags is valid; its next writer moves
// tags_cleared to the present.
//
// Thread rule: immutable once made.
#pragma once

#include <string_view>
#include <vector>

#include "entry.h"

namespace cache_plugin {

// What the marker says of an entry. `ask`: the hash of tags has to be asked (tags.h).
enum class verdict : uint8_t { valid, invalid, ask };

class marker {
 public:
  static constexpr size_t header_size = 41;

  // Nothing for what is no marker of this version.
  [[nodiscard]] static std::shared_ptr<const marker> parse(std::string_view stored);

  [[nodiscard]] const generation &now() const noexcept { return now_; }
  [[nodiscard]] int64_t tags_cleared() const noexcept { return tags_cleared_; }
  [[nodiscard]] int64_t tags_listed() const noexcept { return tags_listed_; }
  // Whether `header`, the first bytes of a marker, says what this one says.
  [[nodiscard]] bool is(std::string_view header) const noexcept { return header == header_; }

  // Whether what was loaded under `seen` is untouched by all invalidations of patterns, and clears, that this marker
  // knows.
  [[nodiscard]] bool admits(const generation &seen, std::string_view key) const;
  // The same with its tags.
  [[nodiscard]] verdict judge(const generation &seen, std::string_view key, tag_list tags) const;

 private:
  struct invalidation {
    int64_t epoch;
    std::string what;
  };

  std::string header_;
  generation now_;
  int64_t cleared_ = 0;
  int64_t tags_cleared_ = 0;
  int64_t tags_listed_ = 0;
  std::vector<invalidation> patterns_;
  std::vector<invalidation> tags_;
};

}  // namespace cache_plugin
