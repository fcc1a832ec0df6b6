#include <arpa/inet.h>

#include <algorithm>

#include "core/config/rejection.h"
#include "core/config/url.h"
#include "core/config/whole_number.h"

namespace cachecore_internal {
namespace {

constexpr size_t longest_host = 253;
constexpr size_t most_hosts = 256;

bool is_name(std::string_view host) {
  const auto is_allowed = [](char byte) {
    const char lower = static_cast<char>(byte | 0x20);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '_';
  };
  return !host.empty() && host.size() <= longest_host && std::all_of(host.begin(), host.end(), is_allowed);
}

// Also with a zone ("fe80::1%eth0").
bool is_ipv6(std::string_view host) {
  const size_t zone = host.find('%');
  if (zone != std::string_view::npos && !is_name(host.substr(zone + 1))) return false;
  const std::string address(host.substr(0, zone));
  in6_addr parsed{};
  return inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

uint16_t parse_port(std::string_view text, std::string_view host, bool quotable) {
  const std::optional<int64_t> port = whole_number(text);
  if (port && *port >= 1 && *port <= 65535) return static_cast<uint16_t>(*port);
  const std::string got = quotable ? ", got " + quoted(text) : "";
  reject({"url: the port of host ", quoted(host), " must be a number from 1 to 65535", got});
}

[[noreturn]] void reject_empty_host() {
  reject({"url has an empty host: write for example redis://127.0.0.1:6379/0 (or embedded:// for a private server)"});
}

host_port parse_host(std::string_view text, uint16_t port, bool quotable) {
  if (text.empty() || text[0] == ':') {
    if (std::count(text.begin(), text.end(), ':') > 1)
      reject({"url: an IPv6 address is written in brackets, as redis://[::1]:6379"});
    reject_empty_host();
  }
  if (text[0] == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) reject({"url: a host begins with '[' and has no ']'"});
    const std::string host = percent_decode(text.substr(1, end - 1), "host");
    if (!is_ipv6(host)) reject({"url: what stands in [ ] is not an IPv6 address"});
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) return {host, port};
    if (rest[0] != ':') reject({"url: after ']' only a ':' and a port may follow"});
    return {host, parse_port(rest.substr(1), host, quotable)};
  }
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
    reject({"url: a host has more than one ':'; an IPv6 address is written in brackets, as redis://[::1]:6379"});
  }
  const std::string_view host = text.substr(0, colon);
  if (!is_name(host)) {
    reject({"url: a host is made of letters, digits, '.', '-' and '_', at most 253 of them", quotable ? ", got " : "",
            quotable ? quoted(host) : ""});
  }
  if (colon == std::string_view::npos) return {std::string(host), port};
  return {std::string(host), parse_port(text.substr(colon + 1), host, quotable)};
}

}  // namespace

std::string checked_host(std::string_view host, std::string_view origin) {
  std::string_view bare = host;
  if (bare.starts_with('[') && bare.ends_with(']')) bare = bare.substr(1, bare.size() - 2);
  if (is_ipv6(bare) || is_name(host)) return std::string(bare);
  reject({origin, " must be a host name or an address without scheme and port, got ", quoted(host)});
}

std::vector<host_port> parse_hosts(std::string_view list, uint16_t port, bool quotable) {
  std::vector<host_port> out;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (out.size() == most_hosts) reject({"url names more than 256 hosts"});
    out.push_back(parse_host(list.substr(begin, end - begin), port, quotable));
    begin = end + 1;
  }
  return out;
}

}  // namespace cachecore_internal
