#include "core/topology/cluster_slots.h"

#include <string>

#include "core/config/whole_number.h"
#include "core/failure.h"
#include "core/wire/command_table.h"

namespace cachecore_internal {
namespace {

[[noreturn]] void not_a_cluster(const char *what) {
  throw failure(CACHECORE_UNAVAILABLE, std::string("the answer to CLUSTER SLOTS ") + what);
}

const cachecore_value &item(const cachecore_value &list, size_t index, int32_t kind) {
  if (list.kind != CACHECORE_LIST || list.as.list.count <= index) not_a_cluster("is shorter than it should be");
  const cachecore_value &found = list.as.list.items[index];
  if (kind >= 0 && found.kind != kind) not_a_cluster("holds something unexpected");
  return found;
}

uint16_t slot_number(const cachecore_value &value) {
  if (value.as.integer < 0 || value.as.integer >= slot_count) not_a_cluster("names a slot that does not exist");
  return static_cast<uint16_t>(value.as.integer);
}

// [host, port, id, metadata]. An unknown host is "?", one that is the asked node's NIL or "".
std::optional<host_port> address(const cachecore_value &node, const host_port &asked) {
  const cachecore_value &host = item(node, 0, -1);
  const cachecore_value &port = item(node, 1, CACHECORE_INT);
  if (port.as.integer <= 0 || port.as.integer > 65'535) return std::nullopt;
  host_port out;
  out.port = static_cast<uint16_t>(port.as.integer);
  out.host = asked.host;
  if (host.kind == CACHECORE_BYTES && host.as.bytes.size > 0) {
    out.host.assign(host.as.bytes.data, host.as.bytes.size);
    if (out.host == "?") return std::nullopt;
  }
  return out;
}

}  // namespace

std::vector<slot_range> parse_cluster_slots(const cachecore_value &reply, const host_port &asked) {
  if (reply.kind != CACHECORE_LIST) not_a_cluster("is no list");
  std::vector<slot_range> out;
  for (size_t i = 0; i < reply.as.list.count; i++) {
    const cachecore_value &entry = reply.as.list.items[i];
    slot_range range{slot_number(item(entry, 0, CACHECORE_INT)), slot_number(item(entry, 1, CACHECORE_INT)), {}, {}};
    if (range.last < range.first) not_a_cluster("has a range that ends before it begins");
    const std::optional<host_port> master = address(item(entry, 2, CACHECORE_LIST), asked);
    if (!master) continue;
    range.master = *master;
    for (size_t k = 3; k < entry.as.list.count; k++) {
      const std::optional<host_port> replica = address(item(entry, k, CACHECORE_LIST), asked);
      if (replica) range.replicas.push_back(*replica);
    }
    out.push_back(std::move(range));
  }
  if (out.empty()) not_a_cluster("covers no slot: the cluster is not formed yet");
  return out;
}

std::optional<redirection> parse_redirection(std::string_view message, const host_port &asked) {
  redirection out;
  if (message.starts_with("ASK ")) {
    out.ask = true;
    message.remove_prefix(4);
  } else if (message.starts_with("MOVED ")) {
    message.remove_prefix(6);
  } else {
    return std::nullopt;
  }
  const size_t space = message.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::optional<int64_t> slot = whole_number(message.substr(0, space));
  std::string_view where = message.substr(space + 1);
  where = where.substr(0, where.find(' '));
  const size_t colon = where.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::optional<int64_t> port = whole_number(where.substr(colon + 1));
  if (!slot || *slot < 0 || *slot >= slot_count || !port || *port <= 0 || *port > 65'535) return std::nullopt;
  std::string_view host = where.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "?") return std::nullopt;
  out.slot = static_cast<uint16_t>(*slot);
  out.to.host = host.empty() ? asked.host : std::string(host);
  out.to.port = static_cast<uint16_t>(*port);
  return out;
}

}  // namespace cachecore_internal
