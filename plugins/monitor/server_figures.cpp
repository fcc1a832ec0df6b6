#include "server_figures.h"

#include <algorithm>
#include <charconv>

namespace monitor_plugin {

namespace {

int64_t to_number(std::string_view digits) {
  int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// The part of "a=1,b=2" that is named.
int64_t number_in(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::string_view part = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), part.size() + 1));
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=')
      return to_number(part.substr(name.size() + 1));
  }
  return 0;
}

struct number_field {
  std::string_view name;
  int64_t server_figures::*figure;
};
struct text_field {
  std::string_view name;
  std::string server_figures::*text;
};

constexpr number_field numbers[] = {
    {"tcp_port", &server_figures::port},
    {"uptime_in_seconds", &server_figures::uptime_s},
    {"used_memory", &server_figures::used_bytes},
    {"used_memory_peak", &server_figures::peak_bytes},
    {"maxmemory", &server_figures::max_bytes},
    {"used_memory_rss", &server_figures::resident_bytes},
    {"connected_clients", &server_figures::connected},
    {"blocked_clients", &server_figures::blocked},
    {"maxclients", &server_figures::max_clients},
    {"rejected_connections", &server_figures::rejected},
    {"total_commands_processed", &server_figures::commands},
    {"instantaneous_ops_per_sec", &server_figures::commands_per_second},
    {"keyspace_hits", &server_figures::hits},
    {"keyspace_misses", &server_figures::misses},
    {"expired_keys", &server_figures::expired},
    {"evicted_keys", &server_figures::evicted},
    {"connected_slaves", &server_figures::replicas},
};
constexpr text_field texts[] = {
    {"redis_version", &server_figures::version},
    {"server_name", &server_figures::product},
    {"role", &server_figures::role},
    {"maxmemory_policy", &server_figures::policy},
    {"rdb_last_bgsave_status", &server_figures::last_save},
};

void read_line(server_figures &out, std::string_view name, std::string_view text, int64_t &offset) {
  for (const number_field &each : numbers) {
    if (each.name == name) out.*each.figure = to_number(text);
  }
  for (const text_field &each : texts) {
    if (each.name == name) out.*each.text = text;
  }
  // Valkey says for which version of Redis it stands in, and its own besides.
  if (name == "valkey_version") out.version = text;
  if (name == "master_link_status") out.link_up = text == "up";
  if (name == "rdb_bgsave_in_progress") out.saving = text == "1";
  if (name == "aof_enabled") out.append_only = text == "1";
  if (name == "aof_last_write_status") out.last_write_failed = text != "ok";
  if (name == "master_repl_offset") offset = to_number(text);
  if (name.size() > 2 && name.starts_with("db") && name[2] >= '0' && name[2] <= '9')
    out.keys += number_in(text, "keys");
}

}  // namespace

server_figures read_info(std::string_view text) {
  server_figures out;
  int64_t offset = 0;
  std::vector<int64_t> replica_offsets;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t colon = line.find(':');
    if (line.empty() || line.front() == '#' || colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view content = line.substr(colon + 1);
    read_line(out, name, content, offset);
    if (name.size() > 5 && name.starts_with("slave") && name[5] >= '0' && name[5] <= '9')
      replica_offsets.push_back(number_in(content, "offset"));
  }
  for (const int64_t each : replica_offsets) out.lag_bytes = std::max(out.lag_bytes, offset - each);
  if (out.product.empty()) out.product = "redis";
  return out;
}

server_figures sum_up(const std::vector<server_figures> &servers) {
  if (servers.empty()) return {};
  server_figures out = servers.front();
  for (size_t i = 1; i < servers.size(); i++) {
    const server_figures &more = servers[i];
    for (const number_field &each : numbers) {
      if (each.figure == &server_figures::port || each.figure == &server_figures::uptime_s) continue;
      out.*each.figure += more.*each.figure;
    }
    // A server without a limit leaves the whole without one.
    if (more.max_bytes == 0 || servers.front().max_bytes == 0) out.max_bytes = 0;
    out.keys += more.keys;
    out.uptime_s = std::min(out.uptime_s, more.uptime_s);
    out.lag_bytes = std::max(out.lag_bytes, more.lag_bytes);
    out.link_up = out.link_up && more.link_up;
    out.saving = out.saving || more.saving;
    out.append_only = out.append_only && more.append_only;
    out.last_write_failed = out.last_write_failed || more.last_write_failed;
    if (more.last_save != "ok") out.last_save = more.last_save;
  }
  return out;
}

}  // namespace monitor_plugin
