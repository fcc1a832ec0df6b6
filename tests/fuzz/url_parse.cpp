// Any bytes as a URL: refused with INVALID_ARGUMENT in a line of printable text, or shown as a URL that is read as the
// same one. And however a URL is broken around a password, the message does not quote it.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/config/configuration.h"
#include "core/failure.h"

using cachecore_internal::endpoint;
using cachecore_internal::failure;
using cachecore_internal::parse_url;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

bool same_server(const endpoint &left, const endpoint &right) {
  if (left.hosts.size() != right.hosts.size()) return false;
  for (size_t i = 0; i < left.hosts.size(); i++) {
    if (left.hosts[i].host != right.hosts[i].host || left.hosts[i].port != right.hosts[i].port) return false;
  }
  return left.scheme == right.scheme && left.tls == right.tls && left.path == right.path &&
         left.master_name == right.master_name && left.database == right.database;
}

// What parse_url says against `url`; empty when it says nothing.
std::string judge(const std::string &url) {
  try {
    const endpoint parsed = parse_url(url);
    const endpoint again = parse_url(parsed.display());
    check(same_server(parsed, again) && again.user.empty() && again.password.empty() && again.password_file.empty());
    return {};
  } catch (const failure &refusal) {
    check(refusal.status() == CACHECORE_INVALID_ARGUMENT && !refusal.message().empty());
    for (const char byte : refusal.message()) check(byte >= 0x20 && byte < 0x7f);
    return refusal.message();
  }
}

constexpr std::string_view mark = "QZXJ";  // letters no message has four of in a row

// Letters become letters of `mark`; digits and what delimits stay, so that it can pass for a port and a path.
std::string marked(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    const bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
    out += letter ? mark[static_cast<unsigned char>(byte) % mark.size()] : byte;
  }
  return out;
}

std::string unmarked(std::string_view text) {
  std::string out;
  for (const char byte : text) out += mark.find(byte) == std::string_view::npos ? byte : 'h';
  return out;
}

bool quotes_mark(std::string_view message) {
  size_t run = 0;
  for (const char byte : message) {
    run = mark.find(byte) == std::string_view::npos ? 0 : run + 1;
    if (run == 4) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view input(reinterpret_cast<const char *>(data), size);
  judge(std::string(input));

  // As `scheme://u:<password>@<rest>`, cut at the first line end.
  const size_t cut = input.find('\n');
  if (cut == std::string_view::npos) return 0;
  const std::string tail = "u:" + marked(input.substr(0, cut)) + "@" + unmarked(input.substr(cut + 1));
  for (const char *scheme :
       {"redis://", "rediss+sentinel://", "redis+cluster://", "unix://", "embedded://", "http://"}) {
    check(!quotes_mark(judge(scheme + tail)));
  }
  return 0;
}
