// access.h: who may ask, and what.
//
// Three gates. The Host header has to be a name this server is known by, so that a page of somebody else whose name was
// made to resolve to this machine (DNS rebinding) learns nothing. The token has to be right, compared as digests in
// constant time. And a method has to be one that only reads, or be named in the configuration.
//
// Thread rule: unchanging, any thread.
#pragma once

#include <string_view>

#include "request.h"
#include "settings.h"

namespace http_plugin {

class access {
 public:
  access(const host &host, const settings &settings) : host_(host), settings_(settings) {}

  [[nodiscard]] bool knows_host(std::string_view header) const;
  [[nodiscard]] bool has_token(std::string_view authorization) const;
  // `name` is "plugin.method".
  [[nodiscard]] bool reaches(std::string_view name, const cachecore_method *method) const;

 private:
  const host &host_;
  const settings &settings_;
};

}  // namespace http_plugin
