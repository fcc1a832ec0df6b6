#include <arpa/inet.h>

#include "core/config/configuration.h"
#include "core/config/rejection.h"
#include "core/config/secret.h"
#include "core/config/small_file.h"
#include "core/config/url.h"
#include "core/failure.h"

namespace cachecore_internal {
namespace {

// Percent-encodes what cannot stand in a URL's path as it is, and `special`.
std::string encoded(std::string_view path, std::string_view special) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view always = "%?#@\"\\";
  std::string out;
  for (const char byte : path) {
    if (byte > 0x20 && byte < 0x7f && always.find(byte) == std::string_view::npos &&
        special.find(byte) == std::string_view::npos) {
      out += byte;
    } else {
      const auto code = static_cast<unsigned char>(byte);
      out += '%';
      out += digits[code >> 4];
      out += digits[code & 15u];
    }
  }
  return out;
}

std::string encoded_hosts(const std::vector<host_port> &hosts) {
  std::string out;
  for (const host_port &entry : hosts) {
    if (!out.empty()) out += ',';
    const bool is_ipv6 = entry.host.find(':') != std::string::npos;
    out += is_ipv6 ? '[' + encoded(entry.host, "") + ']' : entry.host;
    out += ':' + std::to_string(entry.port);
  }
  return out;
}

}  // namespace

std::string endpoint::display() const {
  const std::string prefix = tls ? "rediss" : "redis";
  const std::string number = std::to_string(database);
  switch (scheme) {
    case scheme::redis:
      return prefix + "://" + encoded_hosts(hosts) + '/' + number;
    case scheme::unix_socket:
      return "unix://" + encoded(path, "") + (database != 0 ? "?db=" + number : "");
    case scheme::embedded:
      return "embedded://" + encoded(path, "");
    case scheme::sentinel:
      return prefix + "+sentinel://" + encoded_hosts(hosts) + '/' + encoded(master_name, "/") + '/' + number;
    case scheme::cluster:
      return prefix + "+cluster://" + encoded_hosts(hosts);
  }
  return {};
}

std::string endpoint::current_password() const {
  if (password_file.empty()) return password;
  const std::string origin = "password_file " + password_file;
  try {
    secret_text content = read_small_file(password_file, "password_file");
    std::string &text = content.text();
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) reject({origin, " is empty"});
    if (!is_encrypted(text)) return text;
    if (!password_file_key) {
      reject({origin,
              " holds ENC(...) and there was no key at init: set CACHECORE_SECRET_KEY or CACHECORE_SECRET_KEY_FILE"});
    }
    return decrypt(text, *password_file_key, origin);
  } catch (const failure &reason) {
    throw failure(CACHECORE_DENIED, reason.message());
  }
}

}  // namespace cachecore_internal
