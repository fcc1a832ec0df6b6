// response.h: what goes back.
//
// Thread rule: plain values.
#pragma once

#include <string>
#include <string_view>

namespace http_plugin {

struct response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string headers;  // more of them, each with its CRLF
  bool cacheable = false;
};

// The head with its empty line. `length` negative: until the connection ends.
std::string make_head(const response &of, long long length, bool keep_alive);

}  // namespace http_plugin
