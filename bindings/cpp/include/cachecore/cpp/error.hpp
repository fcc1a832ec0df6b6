// error.hpp: what a call came to, and the one exception of the binding.
//
// Thread rule: values; nothing shared.
// Invariant: `what()` is "STATUS: message", the message being the core's own, which names the method, the parameter and
// the remedy and never holds a secret.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "abi.hpp"

namespace cachecore {

// The statuses of error.h, where their meanings are. A newer core may answer others.
enum class status : int32_t {
  ok = CACHECORE_OK,
  not_found = CACHECORE_NOT_FOUND,
  invalid_argument = CACHECORE_INVALID_ARGUMENT,
  invalid_state = CACHECORE_INVALID_STATE,
  forked = CACHECORE_FORKED,
  closed = CACHECORE_CLOSED,
  no_method = CACHECORE_NO_METHOD,
  no_plugin = CACHECORE_NO_PLUGIN,
  incompatible = CACHECORE_INCOMPATIBLE,
  timeout = CACHECORE_TIMEOUT,
  cancelled = CACHECORE_CANCELLED,
  unavailable = CACHECORE_UNAVAILABLE,
  uncertain = CACHECORE_UNCERTAIN,
  rejected = CACHECORE_REJECTED,
  denied = CACHECORE_DENIED,
  conflict = CACHECORE_CONFLICT,
  busy = CACHECORE_BUSY,
  corrupt = CACHECORE_CORRUPT,
  loader_failed = CACHECORE_LOADER_FAILED,
  no_memory = CACHECORE_NO_MEMORY,
  internal = CACHECORE_INTERNAL,
};

// "INVALID_ARGUMENT", or "UNKNOWN". Static storage.
inline const char *status_name(status code) noexcept { return cachecore_status_name(static_cast<int32_t>(code)); }

class error : public std::exception {
 public:
  error(cachecore::status code, std::string_view message, std::string_view server_code = {})
      : status_(code), server_code_(server_code), what_(status_name(code)) {
    what_ += ": ";
    message_offset_ = what_.size();
    what_ += message;
  }
  explicit error(const cachecore_error &reason)
      : error(static_cast<cachecore::status>(reason.status), reason.message, reason.server_code) {}

  [[nodiscard]] cachecore::status status() const noexcept { return status_; }
  [[nodiscard]] std::string_view message() const noexcept { return std::string_view(what_).substr(message_offset_); }
  // The first word of the server's error reply ("WRONGTYPE"), else empty.
  [[nodiscard]] const std::string &server_code() const noexcept { return server_code_; }
  [[nodiscard]] const char *what() const noexcept override { return what_.c_str(); }

 private:
  cachecore::status status_;
  size_t message_offset_ = 0;
  std::string server_code_;
  std::string what_;
};

// Throws unless `code` is OK or NOT_FOUND; returns whether it is OK.
inline bool check(cachecore_status code, const cachecore_error &reason) {
  if (code < 0) throw error(reason);
  return code == CACHECORE_OK;
}

}  // namespace cachecore
