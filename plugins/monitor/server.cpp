// server.cpp: what the servers say of themselves.
#include <span>

#include "monitor.h"

namespace monitor_plugin {

namespace {

value memory(call &call, const server_figures &of) {
  return call.map({{"used_bytes", of.used_bytes},
                   {"peak_bytes", of.peak_bytes},
                   {"max_bytes", of.max_bytes},
                   {"resident_bytes", of.resident_bytes},
                   {"fraction", of.memory_fraction()},
                   {"policy", call.copy(of.policy)}});
}

value clients(call &call, const server_figures &of) {
  return call.map(
      {{"connected", of.connected}, {"blocked", of.blocked}, {"max", of.max_clients}, {"rejected", of.rejected}});
}

value commands(call &call, const server_figures &of) {
  return call.map({{"total", of.commands}, {"per_second", of.commands_per_second}});
}

value keyspace(call &call, const server_figures &of) {
  return call.map({{"keys", of.keys},
                   {"hits", of.hits},
                   {"misses", of.misses},
                   {"hit_rate", of.hit_rate()},
                   {"expired", of.expired},
                   {"evicted", of.evicted}});
}

value replication(call &call, const server_figures &of) {
  return call.map(
      {{"role", call.copy(of.role)}, {"replicas", of.replicas}, {"link_up", of.link_up}, {"lag_bytes", of.lag_bytes}});
}

value persistence(call &call, const server_figures &of) {
  return call.map({{"append_only", of.append_only},
                   {"saving", of.saving},
                   {"last_save", call.copy(of.last_save)},
                   {"write_failed", of.last_write_failed}});
}

struct section_of {
  std::string_view name;
  value (*show)(call &, const server_figures &);
};

constexpr section_of sections[] = {{"memory", memory},     {"clients", clients},         {"commands", commands},
                                   {"keyspace", keyspace}, {"replication", replication}, {"persistence", persistence}};

value show_all(call &call, const server_figures &of, std::vector<entry> more) {
  std::vector<entry> out{
      {"version", call.copy(of.version)}, {"product", call.copy(of.product)}, {"uptime_s", of.uptime_s}};
  for (const section_of &each : sections) out.push_back({each.name, each.show(call, of)});
  out.insert(out.end(), more.begin(), more.end());
  return call.map(out);
}

}  // namespace

task<std::vector<server_figures>> monitor::ask_servers(call &call) {
  const reply texts = co_await call.each_node("INFO");
  std::vector<server_figures> out;
  for (const value &each : texts.items()) out.push_back(read_info(each.or_throw().as_text()));
  call.forget(texts);
  co_return out;
}

task<value> monitor::server(call &call, std::optional<std::string_view> section) {
  const section_of *wanted = nullptr;
  if (section) {
    std::string names;
    for (const section_of &each : sections) {
      if (each.name == *section) wanted = &each;
      names += (names.empty() ? "" : ", ") + std::string(each.name);
    }
    if (wanted == nullptr) {
      throw error(CACHECORE_INVALID_ARGUMENT,
                  "section must be one of " + names + ", got " + std::string(section->substr(0, 64)));
    }
  }
  const std::vector<server_figures> servers = co_await ask_servers(call);
  const server_figures whole = sum_up(servers);
  if (wanted != nullptr) co_return wanted->show(call, whole);
  std::vector<value> single;
  single.reserve(servers.size());
  for (const server_figures &each : servers) single.push_back(show_all(call, each, {{"port", each.port}}));
  co_return show_all(call, whole, {{"servers", call.list(single)}});
}

}  // namespace monitor_plugin
