// request.h: the head of an HTTP/1.1 request, taken apart.
//
// Strict where servers that are not have been attacked: lines end with CRLF, names have no blank before the colon,
// headers are not folded, a header that decides something comes once, a body has a Content-Length and no other coding.
// What is not understood is refused with the status that says why; nothing is guessed.
//
// Thread rule: plain values. Views point into the given text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http_plugin {

struct request {
  std::string_view method;
  std::string_view path;   // as sent, percent-encoded, without the query
  std::string_view query;  // without '?'
  bool http_1_1 = true;

  std::string_view host;
  std::string_view authorization;
  std::string_view content_type;
  std::string_view accept;
  std::string_view if_none_match;
  size_t content_length = 0;
  bool keep_alive = true;
  bool expects_continue = false;
};

// How the head was found.
struct head_result {
  size_t size = 0;  // of the head with its empty line; 0: not complete yet
  int status = 0;   // 0: fine; else the HTTP status to refuse it with
  const char *why = "";
};

// Parses the head at the beginning of `text`. Incomplete is judged by the caller, who knows how long it may be.
head_result parse_head(std::string_view text, request &out);

// "%41b" is "Ab"; nothing where it is malformed or has a NUL.
std::optional<std::string> percent_decode(std::string_view text);

// The host part of "name:port" or "[address]:port", in lower case; empty when it is neither.
std::string host_name(std::string_view host);

// Whether a header that lists things names this one: "text/plain;q=0.5, application/openmetrics-text".
bool lists(std::string_view header, std::string_view wanted);

}  // namespace http_plugin
