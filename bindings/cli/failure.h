// failure.h: how the program ends when something did not go well.
//
// Everything below main() throws one of two exceptions: a failure has a status, a message and an exit code; an
// interruption is a signal (Ctrl-C, or a reader of our output that has gone) after which the program ends as that
// signal would have ended it.
//
// Thread rule: exceptions are thrown and caught on the main thread alone.
#pragma once

#include <cachecore/error.h>

#include <exception>
#include <string>
#include <utility>

namespace cachectl {

// The exit codes, as `cachectl help` and README.md document them.
enum exit_code : int {
  exit_ok = 0,
  exit_not_found = 1,    // an answer: there is no such thing
  exit_usage = 2,        // a wrong command, option, method, parameter or value
  exit_unavailable = 3,  // no server, or no answer in time; nothing that changes data was sent
  exit_refused = 4,      // the server or the method said no
  exit_other = 5,        // everything else, also "it may have been applied"
};

exit_code exit_code_of(cachecore_status status) noexcept;

class failure : public std::exception {
 public:
  failure(cachecore_status status, std::string message, std::string server_code = {})
      : status_(status), message_(std::move(message)), server_code_(std::move(server_code)) {}
  explicit failure(const cachecore_error &error) : failure(error.status, error.message, error.server_code) {}

  [[nodiscard]] cachecore_status status() const noexcept { return status_; }
  [[nodiscard]] const std::string &message() const noexcept { return message_; }
  [[nodiscard]] const std::string &server_code() const noexcept { return server_code_; }
  [[nodiscard]] const char *what() const noexcept override { return message_.c_str(); }

 private:
  cachecore_status status_;
  std::string message_;
  std::string server_code_;
};

// What the person at the keyboard got wrong; the message says what and how to put it right.
inline failure usage(std::string message) { return {CACHECORE_INVALID_ARGUMENT, std::move(message)}; }

class interruption : public std::exception {
 public:
  explicit interruption(int signal) : signal_(signal) {}
  [[nodiscard]] int signal() const noexcept { return signal_; }
  [[nodiscard]] const char *what() const noexcept override { return "interrupted"; }

 private:
  int signal_;
};

}  // namespace cachectl
