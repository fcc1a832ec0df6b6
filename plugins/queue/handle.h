// handle.h: what a claimed job is called by its worker: queue, id, and the token of this one lease.
//
// In text "<token>|<size of the queue's name>|<queue><id>". The token is made anew for every claim, so a handle of an
// earlier attempt, or of an earlier job of the same id, means a lease that has ended. In Redis a lease is the member
// "<token>|<id>" of the queue's `active`.
#pragma once

#include <optional>
#include <string_view>

namespace queue_plugin {

struct handle {
  std::string_view token;
  std::string_view queue;
  std::string_view id;

  // A job without a ttl, a key or a retention of its own, whose acknowledgement needs nothing more.
  [[nodiscard]] bool plain() const noexcept { return !token.ends_with('+'); }
};

// Nothing when the text is no handle. The parts lie in the text.
std::optional<handle> parse_handle(std::string_view text) noexcept;

}  // namespace queue_plugin
