// The variables as a source.
#include "core/config/rejection.h"
#include "core/config/settings.h"
#include "core/config/url.h"
#include "core/config/whole_number.h"

namespace cachecore_internal {
namespace {

int64_t number_of(const variable &entry, const number_range &range) {
  const std::optional<int64_t> number = whole_number(entry.value);
  if (!number) reject({entry.origin, " must be ", range.takes, ", got ", quoted(entry.value)});
  return checked_number(*number, range, entry.origin);
}

bool truth_of(const variable &entry) {
  std::string word = entry.value;
  for (char &byte : word) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + ('a' - 'A'));
  }
  if (word == "true" || word == "1" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "0" || word == "no" || word == "off") return false;
  reject({entry.origin, " must be true or false (or 1, 0, yes, no, on, off), got ", quoted(entry.value)});
}

uint16_t port_of(const variable &entry) {
  const std::optional<int64_t> port = whole_number(entry.value);
  if (port && *port >= 1 && *port <= 65535) return static_cast<uint16_t>(*port);
  // Kubernetes sets REDIS_PORT=tcp://10.0.0.1:6379 in every pod beside a service named redis.
  const bool is_link = entry.value.starts_with("tcp://");
  reject(
      {entry.origin, " must be a number from 1 to 65535, got ", quoted(entry.value),
       is_link
           ? " (a container platform's link to a service named redis: set CACHECORE_URL, or enableServiceLinks: false)"
           : ""});
}

int database_of(const variable &entry) {
  const std::optional<int64_t> database = whole_number(entry.value);
  if (database && *database >= 0 && *database <= highest_database) return static_cast<int>(*database);
  reject({entry.origin, " must be a database number from 0 to 2147483647, got ", quoted(entry.value)});
}

// CACHECORE_URL, or REDIS_HOST and its neighbours where one of them that says which server stands in a source of higher
// rank.
void read_server(const environment &variables, settings &out) {
  const std::optional<variable> url = variables.find("CACHECORE_URL");
  const std::optional<variable> host = variables.find("REDIS_HOST");
  const std::optional<variable> port = variables.find("REDIS_PORT");
  const std::optional<variable> password = variables.find("REDIS_PASSWORD");
  const std::optional<variable> database = variables.find("REDIS_DB");
  const variable *first = nullptr;
  for (const std::optional<variable> *part : {&host, &port, &database}) {
    if (*part && (first == nullptr || (*part)->rank < first->rank)) first = &**part;
  }
  if (url && (first == nullptr || url->rank <= first->rank)) {
    out.server = checked_url(url->value, url->origin);
    out.server_origin = url->origin;
    return;
  }
  if (first == nullptr && password) first = &*password;
  if (first == nullptr) return;
  endpoint server;
  server.scheme = scheme::redis;
  server.hosts.push_back(
      {host ? checked_host(host->value, host->origin) : "127.0.0.1", port ? port_of(*port) : default_port});
  if (database) server.database = database_of(*database);
  if (password) out.password = {password->value, password->origin};
  out.server = std::move(server);
  out.server_origin = first->origin;
}

}  // namespace

settings settings_of_environment(const environment &variables, const settings &decided) {
  settings out;
  out.source = "environment";
  if (!decided.server) read_server(variables, out);
  if (const auto entry = variables.find("REDIS_MAX_CONNECTIONS"); entry && !decided.max_connections) {
    out.max_connections = number_of(*entry, max_connections_range);
  }
  if (const auto entry = variables.find("REDIS_RETRY_ON_TIMEOUT"); entry && !decided.retry_on_timeout) {
    out.retry_on_timeout = truth_of(*entry);
  }
  if (const auto entry = variables.find("REDIS_DECODE_RESPONSES"); entry && !decided.decode_responses) {
    out.decode_responses = truth_of(*entry);
  }
  // Not "unless decided": these directories are searched after those of the other sources (load.cpp).
  if (const auto entry = variables.find("CACHECORE_PLUGIN_PATH")) {
    out.plugin_path = checked_plugin_path(entry->value, entry->origin);
  }
  return out;
}

}  // namespace cachecore_internal
