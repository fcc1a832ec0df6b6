// url.h: the pieces of a URL that other sources of configuration also have.
//
// Invariant: no message quotes text that can be (part of) a password. A password with a raw '/' in it shifts what
// follows, so hosts and ports are quoted only where an '@' was seen before them.
//
// Thread rule: functions are reentrant.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/configuration.h"

namespace cachecore_internal {

constexpr uint16_t default_port = 6379;
constexpr uint16_t default_sentinel_port = 26379;
constexpr int highest_database = 2147483647;

// A host alone: a name, an IPv4 address, or an IPv6 address with or without brackets. Returns it without brackets.
// Throws failure(INVALID_ARGUMENT), "<origin> must be ...".
std::string checked_host(std::string_view host, std::string_view origin);

// "h1:6379,[::1],h3" of an authority. `quotable`: whether a message may quote it.
std::vector<host_port> parse_hosts(std::string_view list, uint16_t port, bool quotable);

// Undoes %XX. `part` is what messages call it.
std::string percent_decode(std::string_view text, std::string_view part);

}  // namespace cachecore_internal
