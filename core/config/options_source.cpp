// The options struct as a source: 0 and NULL are "not set".
#include "core/config/settings.h"

namespace cachecore_internal {
namespace {

std::optional<int64_t> number_of(int64_t field, const number_range &range, std::string_view origin) {
  if (field == 0) return std::nullopt;
  return checked_number(field, range, origin);
}

}  // namespace

settings settings_of_options(const cachecore_options &options) {
  settings out;
  out.source = "options";
  if (options.url != nullptr) {
    out.server_origin = out.source;
    out.server = checked_url(options.url, out.source);
  }
  if (options.plugins != nullptr) {
    std::vector<std::string> names;
    for (const char *const *name = options.plugins; *name != nullptr; name++) names.emplace_back(*name);
    out.load = checked_load(std::move(names), "options.plugins");
  }
  if (options.plugin_path != nullptr) out.plugin_path = checked_plugin_path(options.plugin_path, "options.plugin_path");
  if (options.key_prefix != nullptr) out.key_prefix = checked_key_prefix(options.key_prefix, "options.key_prefix");
  out.max_connections = number_of(options.max_connections, max_connections_range, "options.max_connections");
  out.connect_timeout_ms = number_of(options.connect_timeout_ms, connect_timeout_range, "options.connect_timeout_ms");
  out.call_timeout_ms = number_of(options.call_timeout_ms, call_timeout_range, "options.call_timeout_ms");
  out.busy_poll_us = number_of(options.busy_poll_us, busy_poll_range, "options.busy_poll_us");
  if (options.ping_on_init != 0) out.ping_on_init = true;
  return out;
}

}  // namespace cachecore_internal
