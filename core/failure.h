// failure.h: the exception of the core.
//
// Thrown where an operation ends with a status other than OK and the way back is long (configuration, loading,
// parsing). The hot path returns statuses instead. It never leaves the library: every extern "C" function turns it into
// a cachecore_error.
#pragma once

#include <cachecore/error.h>

#include <cstdarg>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace cachecore_internal {

// Carries a status and a message that names the thing at fault and the remedy. Never a secret.
class failure : public std::exception {
 public:
  failure(cachecore_status status, std::string message) : status_(status), message_(std::move(message)) {}

  [[nodiscard]] cachecore_status status() const noexcept { return status_; }
  [[nodiscard]] const std::string &message() const noexcept { return message_; }
  [[nodiscard]] const char *what() const noexcept override { return message_.c_str(); }

 private:
  cachecore_status status_;
  std::string message_;
};

// Writes an error, cutting the message at a whole UTF-8 character. `error` may be null. Returns `status`.
cachecore_status set_error(cachecore_error *error, cachecore_status status, std::string_view message,
                           std::string_view server_code = {}) noexcept;

// Zeroes `error` and returns OK.
cachecore_status clear_error(cachecore_error *error) noexcept;

}  // namespace cachecore_internal
