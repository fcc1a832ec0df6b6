#include "record.h"

namespace session_plugin {

record record::read(map_view fields) {
  record seen;
  seen.fields = fields;
  for (const auto &[key, held] : fields) {
    const std::string_view name = key.as_text();
    if (name.starts_with(attribute_mark)) {
      seen.attributes++;
    } else if (name == "version") {
      seen.version = held.parsed_int();
    } else if (name == "user") {
      seen.user = held.as_text();
    } else if (name == "created") {
      seen.created_at_ms = held.parsed_int();
    } else if (name == "seen") {
      seen.seen_at_ms = held.parsed_int();
    } else if (name == "idle") {
      seen.idle_ms = held.parsed_int();
    } else if (name == "ends") {
      seen.ends_at_ms = held.parsed_int();
    } else if (name == "moved_to") {
      seen.moved_to = held.as_text();
    } else if (name == "successor") {
      seen.successor = held.as_text();
    }
  }
  return seen;
}

int64_t record::unwritten_ms() const noexcept {
  constexpr int64_t seldom_ms = 60'000;
  return std::min(std::max(idle_ms / 10, seldom_ms), idle_ms / 2);
}

value record::show_attributes(call &call) const {
  entry *shown = call.allocate_array<entry>(attributes);
  size_t count = 0;
  for (const auto &[key, held] : fields) {
    const std::string_view name = key.text();
    if (!name.starts_with(attribute_mark)) continue;
    new (shown + count++) entry{name.substr(1), decode_attribute(call, held.as_text())};
  }
  return value(std::span<const entry>(shown, count));
}

value record::show(call &call, const value &id, const place &at) const {
  const token_text handle = handle_of(at);
  return call.map({{"id", id},
                   {"handle", call.copy({handle.data(), handle.size()})},
                   {"user_id", user.empty() ? value() : value(user)},
                   {"attributes", show_attributes(call)},
                   {"version", version},
                   {"created_at_ms", created_at_ms},
                   {"seen_at_ms", seen_at_ms},
                   {"expires_at_ms", expires_at_ms()},
                   {"ends_at_ms", ends_at_ms}});
}

}  // namespace session_plugin
