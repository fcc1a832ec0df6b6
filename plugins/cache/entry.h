// entry.h: what lies in Redis for a key: the bytes of an entry, and what its lease and its region add.
//
// An entry is one string, written only by scripts/store.lua and cache.set:
//
//     at    size
//     0     1     2, the version of this layout
//     1     1     format of the payload: 'n' there is none (a cached "does not exist"), 'b' bytes, 'j' JSON
//     2     2     size of this header, tags included: where the payload begins
//     4     8     id: random; names this very write
//     12    8     ttl_ms: how long it is fresh
//     20    8     lifetime_ms: how long the key lives: ttl_ms and then the time it may be served stale
//     28    8     incarnation of the region's marker, and
//     36    8     its epoch, both as they were before the load began (marker.h)
//     44    4     load_ms: how long the load took; 0: not known
//     48    1     coding of the payload: 1 compressed, 2 sealed, 3 compressed and then sealed (sealing.h)
//     49    1     how many tags follow
//     50          the tags, each 2 bytes size and the tag
//                 payload
//
// Integers are little-endian. There is no time in it: the age of an entry is its lifetime less what Redis says is left
// of it, so that no client's clock is ever compared with another's.
#pragma once

#include <cachecore/plugin.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cache_plugin {

using namespace cachecore::plugin;

constexpr char no_value = 'n';
constexpr char plain_bytes = 'b';
constexpr char json_text = 'j';

constexpr uint8_t compressed = 1;
constexpr uint8_t sealed = 2;

// What a region's marker said at some moment.
struct generation {
  std::array<char, 8> incarnation{};
  int64_t epoch = 0;
};

// Tags as they are stored: each 2 bytes size and the tag, behind each other.
//
// Thread rule: a view of bytes that never change.
class tag_list {
 public:
  static constexpr size_t most = 32;
  static constexpr size_t longest = 1024;

  tag_list() = default;
  explicit tag_list(std::string_view packed) noexcept : packed_(packed) {}

  // Nothing for bytes that are no list of `count` tags from the beginning on.
  [[nodiscard]] static std::optional<tag_list> parse(std::string_view bytes, size_t count) noexcept;
  // In the memory of the call, sorted and each once. Throws INVALID_ARGUMENT.
  [[nodiscard]] static tag_list pack(call &call, list_view given);

  [[nodiscard]] bool empty() const noexcept { return packed_.empty(); }
  [[nodiscard]] std::string_view packed() const noexcept { return packed_; }
  [[nodiscard]] size_t count() const noexcept;

  class iterator {
   public:
    explicit iterator(std::string_view rest) noexcept : rest_(rest) {}
    [[nodiscard]] std::string_view operator*() const noexcept { return rest_.substr(2, size()); }
    iterator &operator++() noexcept {
      rest_.remove_prefix(2 + size());
      return *this;
    }
    [[nodiscard]] bool operator!=(const iterator &other) const noexcept { return rest_.size() != other.rest_.size(); }

   private:
    [[nodiscard]] size_t size() const noexcept {
      return static_cast<unsigned char>(rest_[0]) | static_cast<size_t>(static_cast<unsigned char>(rest_[1])) << 8;
    }
    std::string_view rest_;
  };
  [[nodiscard]] iterator begin() const noexcept { return iterator(packed_); }
  [[nodiscard]] iterator end() const noexcept { return iterator(packed_.substr(packed_.size())); }

 private:
  std::string_view packed_;
};

// A value as it is stored, shared by all who wait for it.
struct content {
  char format = no_value;
  std::string bytes;
  std::string tags;  // packed

  [[nodiscard]] tag_list tagged() const noexcept { return tag_list(tags); }
};

// An entry that was read; refers to the bytes it was read from.
struct entry_view {
  char format;
  std::string_view payload;
  int64_t ttl_ms;
  int64_t lifetime_ms;
  generation seen;
  uint32_t load_ms = 0;
  uint8_t coding = 0;
  tag_list tags;
};

constexpr size_t entry_header_size = 50;

// Nothing for what is no entry, or one of a version this code does not know.
[[nodiscard]] std::optional<entry_view> parse_entry(std::string_view stored);

// The id of anything that is stored, also of what parse_entry refuses. Shorter than 8 bytes for what is no entry.
[[nodiscard]] inline std::string_view entry_id(std::string_view stored) noexcept {
  return stored.size() < 4 ? std::string_view() : stored.substr(4, 8);
}

// An entry as bytes, in the memory of the call. `id` has 8 bytes.
[[nodiscard]] std::string_view write_entry(call &call, std::string_view id, const entry_view &entry);

// Little-endian integers.
[[nodiscard]] int64_t read_integer(std::string_view bytes, size_t at) noexcept;
void write_integer(char *at, int64_t number) noexcept;

}  // namespace cache_plugin
