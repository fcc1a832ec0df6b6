// lease_note.h: what lies in Redis under the lease of a key.
//
//     't' token incarnation epoch    a load is under way: 8 random bytes that name it, and what the region's marker
//     said
//                                    before it began
//     'f' token message              the load of that token failed; for a moment, so that other processes' waiters hear
//
// Only a load whose token is there may store (scripts/store.lua). Written by scripts/begin.lua and release.lua.
#pragma once

#include <cstring>

#include "entry.h"

namespace cache_plugin {

struct lease_note {
  enum class kind : uint8_t { none, loading, failed };

  kind what = kind::none;
  std::string_view token;    // of loading and failed
  generation seen;           // of loading
  std::string_view message;  // of failed

  static constexpr size_t token_size = 8;

  [[nodiscard]] bool loads(std::string_view other) const noexcept { return what == kind::loading && token == other; }

  // `kind::none` for what is no note.
  [[nodiscard]] static lease_note parse(std::string_view stored) noexcept {
    lease_note note;
    if (stored.size() < 1 + token_size) return note;
    note.token = stored.substr(1, token_size);
    if (stored[0] == 't' && stored.size() == 1 + token_size + 16) {
      note.what = kind::loading;
      std::memcpy(note.seen.incarnation.data(), stored.data() + 1 + token_size, note.seen.incarnation.size());
      note.seen.epoch = read_integer(stored, 1 + token_size + 8);
    } else if (stored[0] == 'f') {
      note.what = kind::failed;
      note.message = stored.substr(1 + token_size);
    }
    return note;
  }

  [[nodiscard]] static std::string begun(std::string_view token, const generation &seen) {
    std::string note = "t" + std::string(token) + std::string(seen.incarnation.data(), seen.incarnation.size());
    note.resize(note.size() + 8);
    write_integer(note.data() + note.size() - 8, seen.epoch);
    return note;
  }
};

}  // namespace cache_plugin
