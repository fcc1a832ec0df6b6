// plugin.cpp: what callers see of the HTTP server, and its configuration.

#include <memory>

#include "server.h"

namespace http_plugin {

namespace {

using namespace spec;

class http {
 public:
  http(host &host, const value &config) : settings_(read_settings(host, config)) {
    if (settings_.listens) server_ = std::make_unique<server>(host, settings_);
  }

  task<value> status(call &call) {
    if (server_ == nullptr) co_return call.map({{"listening", false}});
    const server::figures now = server_->count();
    co_return call.map({{"listening", !now.address.empty()},
                        {"address", call.copy(now.address)},
                        {"connections", now.connections},
                        {"requests", now.requests}});
  }

 private:
  const settings settings_;
  std::unique_ptr<server> server_;
};

constexpr about http_about{.name = "http",
                           .version = "0.1.0",
                           .license = "MIT",
                           .summary = "Health, metrics, calls and a web page over HTTP; off unless `listen` is set.",
                           .needs = {"submit/1", "call/1", "crypto/1", "monitor"}};

constexpr auto http_methods = declare(method<&http::status>(
    "status", "Whether this process serves, and where.", "{listening, address?, connections?, requests?}", read_only));

constexpr auto http_config = fields(
    text("listen", "ADDRESS:PORT, as 127.0.0.1:8377; without it nothing is served. Port 0: any that is free.")
        .kinds(some_bytes)
        .optional(),
    text("token", "Sent as Authorization: Bearer TOKEN; at least 16 characters.").kinds(some_bytes).optional().secret(),
    text("token_file", "A file that has the token.").kinds(some_bytes).optional(),
    any("hosts", "Names a request's Host may have, besides localhost and the address.").kinds(a_list).optional(),
    any("allow", "Methods that are reachable though they change something: PLUGIN.METHOD or PLUGIN.*")
        .kinds(a_list)
        .optional(),
    count("max_connections", "Clients at once.").kinds(an_int).at_least(1).by_default(int64_t{64}),
    count("max_body_bytes", "Of a request's body.").kinds(an_int).at_least(0).by_default(int64_t{256} * 1024),
    duration("request_timeout_ms", "From a request's beginning to its end, and the same for its response.")
        .kinds(an_int)
        .at_least(1)
        .by_default(int64_t{10'000}),
    duration("call_timeout_ms", "Of a call.").kinds(an_int).at_least(1).by_default(int64_t{10'000}));

}  // namespace

}  // namespace http_plugin

CACHECORE_PLUGIN(http_plugin::http, http_plugin::http_about, http_plugin::http_methods, http_plugin::http_config)
