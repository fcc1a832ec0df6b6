#include "request.h"

#include <algorithm>
#include <charconv>

namespace http_plugin {

namespace {

bool is_token_character(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

// The headers that decide something; each may come once.
struct seen {
  bool host = false;
  bool authorization = false;
  bool content_length = false;
  bool content_type = false;
};

using refusal = std::optional<head_result>;

refusal refuse(int status, const char *why) { return head_result{0, status, why}; }

refusal take_once(bool &before, std::string_view &to, std::string_view content, const char *why) {
  if (before) return refuse(400, why);
  before = true;
  to = content;
  return std::nullopt;
}

refusal take_length(seen &before, request &out, std::string_view digits) {
  if (before.content_length) return refuse(400, "Content-Length comes twice");
  before.content_length = true;
  const bool plain = !digits.empty() && digits.size() <= 18 &&
                     std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!plain) return refuse(400, "Content-Length is no number");
  std::from_chars(digits.data(), digits.data() + digits.size(), out.content_length);
  return std::nullopt;
}

refusal take_header(seen &before, request &out, std::string_view name, std::string_view content) {
  if (same(name, "host")) return take_once(before.host, out.host, content, "Host comes twice");
  if (same(name, "authorization"))
    return take_once(before.authorization, out.authorization, content, "Authorization comes twice");
  if (same(name, "content-type"))
    return take_once(before.content_type, out.content_type, content, "Content-Type comes twice");
  if (same(name, "content-length")) return take_length(before, out, content);
  if (same(name, "transfer-encoding")) return refuse(501, "send a body with Content-Length");
  if (same(name, "upgrade")) return std::nullopt;
  if (same(name, "accept")) out.accept = content;
  if (same(name, "if-none-match")) out.if_none_match = content;
  if (same(name, "expect")) {
    if (!same(content, "100-continue")) return refuse(417, "only 100-continue can be expected");
    out.expects_continue = true;
  }
  if (same(name, "connection")) {
    if (lists(content, "close")) out.keep_alive = false;
    if (!out.http_1_1 && lists(content, "keep-alive")) out.keep_alive = true;
  }
  return std::nullopt;
}

refusal take_request_line(request &out, std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return refuse(400, "the request line is malformed");
  out.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(out.method)) return refuse(400, "the method is malformed");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return version.starts_with("HTTP/") ? refuse(505, "HTTP/1.1 is spoken here")
                                        : refuse(400, "the request line is malformed");
  }
  out.http_1_1 = version == "HTTP/1.1";
  out.keep_alive = out.http_1_1;
  const bool plain = std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (target.empty() || target.front() != '/' || !plain) return refuse(400, "the target is no path");
  const size_t mark = target.find('?');
  out.path = target.substr(0, mark);
  out.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  return std::nullopt;
}

}  // namespace

head_result parse_head(std::string_view text, request &out) {
  out = {};
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return {};
  const size_t size = end + 4;
  std::string_view lines = text.substr(0, end + 2);

  seen before;
  bool first = true;
  while (!lines.empty()) {
    const size_t length = lines.find("\r\n");
    const std::string_view line = lines.substr(0, length);
    lines.remove_prefix(length + 2);
    if (!is_visible(line)) return {size, 400, "a line has control characters"};
    refusal refused;
    if (first) {
      refused = take_request_line(out, line);
      first = false;
    } else {
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return {size, 400, "a header is malformed"};
      }
      refused = take_header(before, out, line.substr(0, colon), trim(line.substr(colon + 1)));
    }
    if (refused) return {size, refused->status, refused->why};
  }
  if (out.http_1_1 && !before.host) return {size, 400, "Host is missing"};
  return {size, 0, ""};
}

std::optional<std::string> percent_decode(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    const char small = lower(c);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit(text[i + 1]);
    const int low = digit(text[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string host_name(std::string_view host) {
  std::string_view name = host;
  std::string_view rest;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    name = host.substr(1, end - 1);
    rest = host.substr(end + 1);
  } else {
    const size_t colon = host.find(':');
    if (colon != std::string_view::npos) {
      name = host.substr(0, colon);
      rest = host.substr(colon);
    }
  }
  const bool port_is_fine =
      rest.empty() || (rest.front() == ':' && rest.size() <= 6 &&
                       std::all_of(rest.begin() + 1, rest.end(), [](char c) { return c >= '0' && c <= '9'; }));
  if (!port_is_fine) return {};
  std::string out;
  for (const char each : name) out += lower(each);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

bool lists(std::string_view header, std::string_view wanted) {
  while (!header.empty()) {
    std::string_view part = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), part.size() + 1));
    part = trim(part.substr(0, part.find(';')));
    if (same(part, wanted)) return true;
  }
  return false;
}

}  // namespace http_plugin
