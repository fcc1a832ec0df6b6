#include "core/config/url.h"

#include <algorithm>
#include <optional>

#include "core/config/rejection.h"
#include "core/config/secret.h"
#include "core/config/whole_number.h"

namespace cachecore_internal {
namespace {

constexpr size_t longest_url = 65'536;
constexpr size_t longest_socket_path = 107;  // sun_path, less its NUL

// A URL cut at its delimiters; nothing is decoded yet.
struct url_parts {
  std::string scheme;
  std::optional<std::string_view> credentials;
  std::string_view authority;  // without credentials
  std::string_view path;       // with its first '/'
  std::string_view query;      // without its '?'
};

struct known_scheme {
  std::string_view name;
  enum scheme kind;
  bool tls;
};

constexpr known_scheme known_schemes[] = {
    {"redis", scheme::redis, false},
    {"rediss", scheme::redis, true},
    {"unix", scheme::unix_socket, false},
    {"redis+sentinel", scheme::sentinel, false},
    {"rediss+sentinel", scheme::sentinel, true},
    {"redis+cluster", scheme::cluster, false},
    {"rediss+cluster", scheme::cluster, true},
    {"embedded", scheme::embedded, false},
};

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; });
}

// Base64 contains '/', so ":ENC(...)@" is cut out by its parentheses: it can be pasted as `cachectl encrypt` prints it.
// Returns where its '@' is.
size_t end_of_encrypted_credentials(std::string_view rest) {
  const size_t begin = rest.find(":ENC(");
  if (begin == std::string_view::npos || rest.substr(0, begin).find_first_of("/@?") != std::string_view::npos) {
    return std::string_view::npos;
  }
  const size_t end = rest.find(')', begin);
  return end != std::string_view::npos && rest.substr(end + 1).starts_with('@') ? end + 1 : std::string_view::npos;
}

url_parts cut(std::string_view url) {
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos || colon == 0) {
    reject({"url has no scheme: write for example redis://127.0.0.1:6379/0"});
  }
  url_parts out;
  for (const char byte : url.substr(0, colon)) {
    const bool upper = byte >= 'A' && byte <= 'Z';
    out.scheme += upper ? static_cast<char>(byte + ('a' - 'A')) : byte;
  }
  std::string_view rest = url.substr(colon + 3);
  size_t at = end_of_encrypted_credentials(rest);
  size_t path_begin = rest.find_first_of("/?", at == std::string_view::npos ? 0 : at);
  path_begin = std::min(path_begin, rest.size());
  out.authority = rest.substr(0, path_begin);
  rest.remove_prefix(path_begin);
  if (at == std::string_view::npos) at = out.authority.rfind('@');
  if (at != std::string_view::npos) {
    out.credentials = out.authority.substr(0, at);
    out.authority.remove_prefix(at + 1);
  }
  const size_t mark = std::min(rest.find('?'), rest.size());
  out.path = rest.substr(0, mark);
  out.query = rest.substr(std::min(mark + 1, rest.size()));
  return out;
}

const known_scheme &find_scheme(std::string_view name) {
  for (const known_scheme &known : known_schemes) {
    if (known.name == name) return known;
  }
  const bool quotable = std::all_of(name.begin(), name.end(), [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.';
  });
  std::string all;
  for (const known_scheme &known : known_schemes) all += (all.empty() ? "" : ", ") + std::string(known.name) + "://";
  reject({"url has an unknown scheme", quotable ? " " : "", quotable ? quoted(name) : "", ": known are ", all});
}

void read_credentials(std::string_view credentials, endpoint &out) {
  const size_t colon = credentials.find(':');
  out.user = percent_decode(credentials.substr(0, colon), "user");
  if (colon != std::string_view::npos) out.password = percent_decode(credentials.substr(colon + 1), "password");
  if (is_encrypted(out.user)) reject({"url: ENC(...) stands for a password: write a ':' before it"});
}

int parse_database(std::string_view text) {
  const std::optional<int64_t> database = whole_number(text);
  if (database && *database >= 0 && *database <= highest_database) return static_cast<int>(*database);
  reject({"url: the database must be a number from 0 to 2147483647, got ", quoted(text)});
}

// "/3", "/" or nothing. Says whether there was a number.
bool read_database_path(std::string_view path, endpoint &out) {
  if (path.size() < 2) return false;
  out.database = parse_database(path.substr(1));
  return true;
}

bool read_sentinel_path(std::string_view path, endpoint &out) {
  if (!path.empty()) path.remove_prefix(1);
  const size_t slash = std::min(path.find('/'), path.size());
  out.master_name = percent_decode(path.substr(0, slash), "master name");
  if (out.master_name.empty()) {
    reject({"url names no master: write redis+sentinel://host1,host2/master-name/0"});
  }
  if (has_control(out.master_name)) reject({"url: the master name contains a control character"});
  return read_database_path(path.substr(slash), out);
}

// A path of the file system, without slashes at its end.
std::string file_path(std::string_view path, std::string_view part) {
  std::string out = percent_decode(path, part);
  if (has_control(out)) reject({"url: the ", part, " contains a control character"});
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

// Reads authority and path. Says whether they named the database.
bool read_location(const url_parts &parts, endpoint &out) {
  const std::string_view authority = parts.authority;
  const bool quotable = parts.credentials.has_value();
  switch (out.scheme) {
    case scheme::unix_socket:
      out.path = file_path(parts.path, "socket path");
      if (!authority.empty() || out.path.size() < 2) {
        reject({"url: unix:// takes the absolute path of a socket, as unix:///run/redis.sock"});
      }
      if (out.path.size() > longest_socket_path) reject({"url: a unix socket's path has at most 107 bytes"});
      return false;
    case scheme::embedded:
      out.path = file_path(parts.path, "directory");
      if (parts.credentials) reject({"url: embedded:// takes no user and no password"});
      if (!authority.empty() || out.path == "/") {
        reject({"url: embedded:// takes an absolute directory, as embedded:///var/lib/app/cache, or nothing"});
      }
      return false;
    case scheme::redis:
      out.hosts = parse_hosts(authority, default_port, quotable);
      if (out.hosts.size() > 1)
        reject({"url: redis:// takes one host; several are for redis+cluster:// and redis+sentinel://"});
      return read_database_path(parts.path, out);
    case scheme::sentinel:
      out.hosts = parse_hosts(authority, default_sentinel_port, quotable);
      return read_sentinel_path(parts.path, out);
    case scheme::cluster:
      out.hosts = parse_hosts(authority, default_port, quotable);
      static_cast<void>(read_database_path(parts.path, out));
      if (out.database != 0) reject({"url: a cluster has database 0 only"});
      return false;
  }
  return false;
}

// "db=2&password_file=/run/secrets/redis"
void read_query(const url_parts &parts, bool has_database, endpoint &out) {
  const bool takes_database =
      out.scheme == scheme::redis || out.scheme == scheme::unix_socket || out.scheme == scheme::sentinel;
  std::string_view rest = parts.query;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (name == "db" && takes_database) {
      if (has_database) reject({"url names the database twice"});
      out.database = parse_database(value);
      has_database = true;
    } else if (name == "password_file" && out.scheme != scheme::embedded) {
      if (!out.password_file.empty()) reject({"url names password_file twice"});
      if (!out.password.empty()) reject({"url has a password and a password_file: only one can be used"});
      out.password_file = percent_decode(value, "password_file");
      if (!out.password_file.starts_with('/')) reject({"url: password_file must be an absolute path"});
      if (has_control(out.password_file)) reject({"url: password_file contains a control character"});
    } else {
      reject({"url: unknown option ", quoted(name),
              " behind '?': known are db (redis, unix, sentinel) and password_file"});
    }
  }
}

}  // namespace

std::string percent_decode(std::string_view text, std::string_view part) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      reject({"url: a '%' in the ", part, " is not followed by two hexadecimal digits; '%' itself is written %25"});
    }
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

endpoint parse_url(const std::string &url) {
  if (url.empty()) reject({"url is empty: write for example redis://127.0.0.1:6379/0"});
  if (url.size() > longest_url) reject({"url is longer than 65536 bytes"});
  if (has_control(url)) reject({"url contains a control character"});
  if (url.find(' ') != std::string::npos) reject({"url contains a space: write it as %20"});
  if (url.find('#') != std::string::npos) reject({"url contains a '#': write it as %23"});
  const url_parts parts = cut(url);
  const known_scheme &found = find_scheme(parts.scheme);
  endpoint out;
  out.scheme = found.kind;
  out.tls = found.tls;
  // An '@' further on is that of credentials which a raw '/' or '?' has cut short: nothing of such a URL is quoted.
  const bool is_path = parts.authority.empty() && !parts.credentials &&
                       (found.kind == scheme::unix_socket || found.kind == scheme::embedded);
  if (parts.query.find('@') != std::string_view::npos || (!is_path && parts.path.find('@') != std::string_view::npos)) {
    reject(
        {"url has an '@' behind a '/' or '?': in user and password write '/' as %2F and '?' as %3F, elsewhere '@' as "
         "%40"});
  }
  if (parts.credentials) read_credentials(*parts.credentials, out);
  const bool has_database = read_location(parts, out);
  read_query(parts, has_database, out);
  return out;
}

}  // namespace cachecore_internal
