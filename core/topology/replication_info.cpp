#include "core/topology/replication_info.h"

#include <optional>

#include "core/config/whole_number.h"

namespace cachecore_internal {
namespace {

// "ip=127.0.0.1,port=6380,state=online,offset=14,lag=0"
void read_replica(std::string_view text, std::vector<host_port> &out) {
  host_port found{"", 0};
  bool online = false;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find(','));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    const size_t equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = field.substr(0, equals);
    const std::string_view value = field.substr(equals + 1);
    if (name == "ip") found.host = value;
    if (name == "state") online = value == "online";
    if (name == "port") {
      const std::optional<int64_t> port = whole_number(value);
      if (port && *port > 0 && *port <= 65'535) found.port = static_cast<uint16_t>(*port);
    }
  }
  if (online && !found.host.empty() && found.port != 0) out.push_back(std::move(found));
}

bool is_replica_line(std::string_view name) noexcept {
  return name.size() > 5 && name.substr(0, 5) == "slave" &&
         name.find_first_not_of("0123456789", 5) == std::string_view::npos;
}

}  // namespace

replication_info parse_replication_info(std::string_view info) {
  replication_info out;
  bool link_up = false;
  bool loads = false;
  std::optional<int64_t> written;
  std::optional<int64_t> applied;
  while (!info.empty()) {
    std::string_view line = info.substr(0, info.find('\n'));
    info.remove_prefix(std::min(line.size() + 1, info.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    if (name == "role") out.is_master = value == "master";
    if (name == "master_link_status") link_up = value == "up";
    if (name == "master_sync_in_progress") loads = value != "0";
    if (name == "master_replid") out.history = value;
    if (name == "master_repl_offset") written = whole_number(value);
    if (name == "slave_repl_offset") applied = whole_number(value);
    if (is_replica_line(name)) read_replica(value, out.replicas);
  }
  out.follows = !out.is_master && link_up && !loads;
  const std::optional<int64_t> offset = out.is_master ? written : applied;
  if (offset && *offset >= 0) out.offset = *offset;
  return out;
}

}  // namespace cachecore_internal
