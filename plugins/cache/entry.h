// entry.h: what lies in Redis for a key: the bytes of an entry, and what its lease and its region add.
//
// An entry is one string, written only by scripts/store.lua and cache.set:
//
//     at    size
//     0     1     1, the version of this layout
//     1     1     format of the payload: 'n' there is none (a cached "does not exist"), 'b' bytes, 'j' JSON
//     2     2     size of this header; later versions append fields
//     4     8     id: random; names this very write
//     12    8     ttl_ms: how long it is fresh
//     20    8     lifetime_ms: how long the key lives: ttl_ms and then the time it may be served stale
//     28    8     incarnation of the region's marker, and
//     36    8     its epoch, both as they were before the load began (marker.h)
//     44          payload
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

// What a region's marker said at some moment.
struct generation {
  std::array<char, 8> incarnation{};
  int64_t epoch = 0;
};

// A value as it is stored, shared by all who wait for it.
struct content {
  char format = no_value;
  std::string bytes;
};

// An entry that was read; refers to the bytes it was read from.
struct entry_view {
  char format;
  std::string_view payload;
  int64_t ttl_ms;
  int64_t lifetime_ms;
  generation seen;
};

constexpr size_t entry_header_size = 44;

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

}  // namespace cache_plugin
