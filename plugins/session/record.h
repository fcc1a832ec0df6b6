// record.h: a session as HGETALL shows it.
//
// Thread rule: a value; its texts live as long as the reply.
#pragma once

#include "attributes.h"
#include "ids.h"

namespace session_plugin {

struct record {
  map_view fields;
  size_t attributes = 0;  // how many of the fields
  int64_t version = 0;
  std::string_view user;
  int64_t created_at_ms = 0;
  int64_t seen_at_ms = 0;
  int64_t idle_ms = 0;
  int64_t ends_at_ms = 0;
  // Of a forward.
  std::string_view moved_to;
  std::string_view successor;

  // Throws CORRUPT for what this plugin has not written.
  [[nodiscard]] static record read(map_view fields);

  [[nodiscard]] bool lives() const noexcept { return version > 0; }
  [[nodiscard]] int64_t expires_at_ms() const noexcept { return std::min(seen_at_ms + idle_ms, ends_at_ms); }
  // How long it may have been used without that being written.
  [[nodiscard]] int64_t unwritten_ms() const noexcept;

  // MAP of names and values.
  [[nodiscard]] value show_attributes(call &call) const;
  // What get answers; `id` may be nil, as in lists.
  [[nodiscard]] value show(call &call, const value &id, const place &at) const;
};

}  // namespace session_plugin
