// eviction.cpp: the server must not forget tokens by itself.
//
// All keys of this plugin expire, so a server that evicts, by whatever policy, may drop a user's list while records of
// tokens stay: revoke_all would then not find them. The first call of an instance asks every node for its policy.

#include "auth.h"

namespace auth_plugin {

namespace {

// The code of a server's reply to a command that its ACL does not allow.
constexpr std::string_view not_permitted = "NOPERM";

// The line "maxmemory_policy:..." of INFO memory, or empty.
std::string_view policy_of(std::string_view info) {
  constexpr std::string_view name = "maxmemory_policy:";
  const size_t at = info.find(name);
  if (at == std::string_view::npos) return {};
  info.remove_prefix(at + name.size());
  return info.substr(0, info.find_first_of("\r\n"));
}

}  // namespace

task<void> auth::check_server(call &call) {
  if (!settings_.allow_eviction) {
    value nodes;
    try {
      nodes = co_await call.each_node("INFO", "memory");
    } catch (const error &failed) {
      if (failed.server_code() != not_permitted) throw;
    }
    bool told = !nodes.is_nil();
    for (const value &node : nodes.is_nil() ? list_view{} : nodes.items()) {
      if (node.is(CACHECORE_ERROR) && !node.text().starts_with(not_permitted)) node.or_throw();
      const std::string_view policy = node.is(CACHECORE_BYTES) ? policy_of(node.text()) : std::string_view{};
      if (policy.empty()) {
        told = false;
      } else if (policy != "noeviction") {
        throw error(CACHECORE_INVALID_STATE,
                    "the server evicts keys (maxmemory-policy is " + std::string(policy) +
                        "), so tokens and what revokes them may vanish: set maxmemory-policy to noeviction, or the "
                        "plugin's allow_eviction to true");
      }
    }
    if (!told) host_.log(severity::warning, "a server does not tell its maxmemory-policy; it has to be noeviction");
  }
  server_checked_ = true;
}

}  // namespace auth_plugin
