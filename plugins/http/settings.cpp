#include "settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>

#include "request.h"

namespace http_plugin {

namespace {

constexpr size_t shortest_token = 16;
constexpr size_t longest_token = 4096;

[[noreturn]] void refuse(const std::string &message) { throw error(CACHECORE_INVALID_ARGUMENT, message); }

// "127.0.0.1:8377", "[::1]:8377", "localhost:8377": an address, not a name that something else would have to resolve.
void read_address(settings &out) {
  const size_t colon = out.listen.rfind(':');
  const std::string form = "listen must be ADDRESS:PORT, as 127.0.0.1:8377 or [::1]:8377, got " + out.listen;
  if (colon == std::string::npos) refuse(form);
  std::string address = out.listen.substr(0, colon);
  const std::string digits = out.listen.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (fault != std::errc{} || end != digits.data() + digits.size()) refuse(form);
  if (address == "localhost") address = "127.0.0.1";
  bool loopback = false;
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    auto *to = reinterpret_cast<sockaddr_in6 *>(&out.address);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    if (inet_pton(AF_INET6, address.substr(1, address.size() - 2).c_str(), &to->sin6_addr) != 1) refuse(form);
    loopback = IN6_IS_ADDR_LOOPBACK(&to->sin6_addr);
    out.address_size = sizeof(sockaddr_in6);
    address = address.substr(1, address.size() - 2);
  } else {
    auto *to = reinterpret_cast<sockaddr_in *>(&out.address);
    to->sin_family = AF_INET;
    to->sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &to->sin_addr) != 1) refuse(form);
    loopback = (ntohl(to->sin_addr.s_addr) >> 24) == 127;
    out.address_size = sizeof(sockaddr_in);
  }
  if (!loopback && out.hosts.empty()) {
    refuse("listen " + out.listen +
           " is not a loopback address: name in `hosts` what it is reached by, and put TLS before it");
  }
  for (const char *own : {"localhost", "127.0.0.1", "::1"}) out.hosts.emplace_back(own);
  out.hosts.push_back(address);
}

std::string read_token_file(const std::string &path) {
  const std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (file == nullptr) refuse("token_file " + path + ": " + std::strerror(errno));
  std::string out(longest_token + 1, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), file.get()));
  while (!out.empty() && (out.back() == '\n' || out.back() == '\r')) out.pop_back();
  return out;
}

void read_token(const host &host, const map_view &config, settings &out) {
  const value given = config["token"];
  const value file = config["token_file"];
  if (!given.is_nil() && !file.is_nil()) refuse("set token or token_file, not both");
  std::string token;
  if (given.is(CACHECORE_BYTES)) token = given.text();
  if (file.is(CACHECORE_BYTES)) token = read_token_file(std::string(file.text()));
  if (token.empty()) refuse("listen needs a token: set token, or token_file to a file that has it");
  if (token.size() < shortest_token || token.size() > longest_token) {
    refuse("token must have " + std::to_string(shortest_token) + " to " + std::to_string(longest_token) +
           " characters, got " + std::to_string(token.size()) + ": openssl rand -hex 32 makes one");
  }
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
    refuse("token must consist of visible ASCII characters");
  out.token_digest = host.sha256(token);
  explicit_bzero(token.data(), token.size());
}

std::vector<std::string> texts(const value &list, const char *key) {
  std::vector<std::string> out;
  if (list.is_nil()) return out;
  for (const value &each : list.items()) {
    if (!each.is(CACHECORE_BYTES) || each.text().empty()) refuse(std::string(key) + " must be a list of texts");
    out.emplace_back(each.text());
  }
  return out;
}

}  // namespace

settings read_settings(const host &host, const value &config) {
  const map_view from = config.pairs();
  settings out;
  out.max_connections = static_cast<size_t>(from["max_connections"].as_int());
  out.max_body = static_cast<size_t>(from["max_body_bytes"].as_int());
  out.request_timeout_ms = from["request_timeout_ms"].as_int();
  out.call_timeout_ms = from["call_timeout_ms"].as_int();
  out.allow = texts(from["allow"], "allow");
  for (const std::string &each : texts(from["hosts"], "hosts")) {
    out.hosts.push_back(host_name(each));
    if (out.hosts.back().empty()) refuse("hosts: " + each + " is no host's name");
  }
  for (const std::string &each : out.allow) {
    if (each.find('.') == std::string::npos)
      refuse("allow: " + each + " must be PLUGIN.METHOD, or PLUGIN.* for all of a plugin");
  }
  if (from["listen"].is_nil()) return out;
  out.listens = true;
  out.listen = from["listen"].as_text();
  read_address(out);
  read_token(host, from, out);
  return out;
}

}  // namespace http_plugin
