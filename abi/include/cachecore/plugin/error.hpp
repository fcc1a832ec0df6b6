// error.hpp: the exception of a plugin.
//
// A method throws it to end with a status and a message, and an await that failed throws what the host said. One place
// (invocation.hpp) turns it, like every other exception, into the status its caller gets.
//
// The core puts the method's name before a message of the plugin's own, so a message begins with the parameter or key
// at fault. An error that came from the host already says all that and is passed on as it is.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <string_view>

#include "../error.h"

namespace cachecore::plugin {

// Writes an error as the ABI wants it: NUL-ended, cut at a whole UTF-8 character. `out` may be null. Returns `status`.
inline cachecore_status write_error(cachecore_error *out, cachecore_status status, std::string_view message,
                                    std::string_view server_code = {}) noexcept {
  if (out == nullptr) return status;
  *out = cachecore_error{};
  out->status = status;
  const auto put = [](char *to, size_t capacity, std::string_view text) {
    size_t size = std::min(text.size(), capacity - 1);
    if (size < text.size()) {
      while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0u) == 0x80u) size--;
    }
    if (size > 0) std::memcpy(to, text.data(), size);
  };
  put(out->message, sizeof(out->message), message);
  put(out->server_code, sizeof(out->server_code), server_code);
  return status;
}

class error : public std::exception {
 public:
  error(cachecore_status status, std::string_view message) noexcept { write_error(&error_, status, message); }

  // One that the host reported.
  explicit error(const cachecore_error &received) noexcept : error_(received), received_(true) {}

  [[nodiscard]] cachecore_status status() const noexcept { return error_.status; }
  [[nodiscard]] std::string_view message() const noexcept { return error_.message; }
  // The first word of the server's error reply ("WRONGTYPE"), else empty.
  [[nodiscard]] std::string_view server_code() const noexcept { return error_.server_code; }
  [[nodiscard]] const char *what() const noexcept override { return error_.message; }

  [[nodiscard]] bool received() const noexcept { return received_; }
  [[nodiscard]] const cachecore_error &raw() const noexcept { return error_; }

 private:
  cachecore_error error_;
  bool received_ = false;
};

// `co_return not_found;` ends a method with NOT_FOUND, which is an answer. A task that awaits such a task gets it as an
// error of that status, so that it passes on unless it is caught.
struct not_found_t {};
inline constexpr not_found_t not_found{};

}  // namespace cachecore::plugin
