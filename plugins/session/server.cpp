// server.cpp: names of keys, what is asked of the server, and what parameters may be.

#include <string>

#include "session.h"

namespace session_plugin {

namespace {

constexpr size_t longest_user = 512;
constexpr int64_t longest_ms = int64_t{10} * 366 * 86'400'000;

std::string_view policy_in(std::string_view info) {
  constexpr std::string_view label = "maxmemory_policy:";
  const size_t at = info.find(label);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = info.substr(at + label.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace

std::array<char, 6> session::tag_of(uint8_t bucket) noexcept {
  constexpr char digits[] = "0123456789abcdef";
  return {'{', 's', digits[bucket >> 4], digits[bucket & 15], '}', ':'};
}

std::string_view session::home(call &call, uint8_t bucket) {
  const auto tag = tag_of(bucket);
  return call.key(std::string_view(tag.data(), tag.size()));
}

std::string_view session::key(call &call, const place &at) {
  const auto tag = tag_of(at.bucket);
  return call.key(std::string_view(tag.data(), tag.size()), "s:", at.text());
}

std::string_view session::index_key(call &call, uint8_t bucket, std::string_view user) {
  const auto tag = tag_of(bucket);
  return call.key(std::string_view(tag.data(), tag.size()), "u:", user);
}

std::string_view session::mark_key(call &call, uint8_t bucket, std::string_view user) {
  const auto tag = tag_of(bucket);
  return call.key(std::string_view(tag.data(), tag.size()), "d:", user);
}

digest session::user_digest(std::string_view user) const { return host_.sha256(user); }

uint8_t session::bucket_of(std::string_view user) const {
  if (!user.empty()) return user_digest(user)[0];
  std::array<uint8_t, 1> any{};
  host_.random(any);
  return any[0];
}

void session::check_user(std::string_view user) const {
  if (user.size() <= longest_user) return;
  throw error(CACHECORE_INVALID_ARGUMENT, "user_id must be at most 512 bytes long, got " + std::to_string(user.size()));
}

void session::check_duration(const char *name, int64_t ms) const {
  if (ms <= longest_ms) return;
  throw error(CACHECORE_INVALID_ARGUMENT, std::string(name) + " must be at most " + std::to_string(longest_ms) +
                                              " (10 years), got " + std::to_string(ms));
}

void session::learn(uint8_t bucket, int64_t server_ms) noexcept { clock_.learn(bucket, host_.now_ms(), server_ms); }

// Asked once, before the first use, since making a core opens no connection; then again until the answer is good, so
// that a server which was set right needs no restart here.
task<void> session::check_server(call &call) {
  const value nodes = co_await call.each_node("INFO", "memory");
  for (const value &info : nodes.items()) {
    // A user without the permission, or a server whose administrator renamed the command.
    if (info.is(CACHECORE_ERROR) && (info.reserved == CACHECORE_REJECTED || info.text().starts_with("NOPERM"))) {
      host_.log(severity::warning,
                "the server does not tell its maxmemory-policy (INFO memory is refused): whether it evicts sessions is "
                "not known");
      continue;
    }
    const std::string_view policy = policy_in(info.or_throw().as_text());
    if (policy.empty() || policy == "noeviction") continue;
    throw error(CACHECORE_INVALID_STATE,
                "the server may evict sessions (maxmemory-policy is " + std::string(policy) +
                    "): set it to noeviction, or set allow_eviction to true in the plugin's configuration");
  }
  admitted_.store(true, std::memory_order_relaxed);
}

}  // namespace session_plugin
