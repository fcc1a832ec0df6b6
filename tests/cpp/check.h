// check.h: cmocka tests written with exceptions, so that a failed check unwinds and destructors run.
//
// Thread rule: checks on the test's own thread only.
#pragma once

#include <cachecore/cachecore.hpp>

#include <stdexcept>
#include <string>

#include "tests/support/support.h"
#include "tests/support/unit.h"

#define CHECK(...)         \
  ((__VA_ARGS__) ? (void)0 \
                 : throw std::runtime_error(std::string(__FILE__ ":") + std::to_string(__LINE__) + ": " #__VA_ARGS__))

namespace check {

// A cmocka test that runs `function`.
template <void (*function)()>
void run(void **) {
  std::string told;
  try {
    function();
  } catch (const std::exception &wrong) {
    told = wrong.what();
  }
  if (!told.empty()) print_error("%s\n", told.c_str());
  assert_true(told.empty());
}

// The error that `act` throws.
template <class F>
cachecore::error error_of(F &&act) {
  try {
    act();
  } catch (const cachecore::error &reason) {
    return reason;
  }
  throw std::runtime_error("an error was expected, but nothing was thrown");
}

template <class F>
cachecore::status status_of(F &&act) {
  return error_of(act).status();
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Where the plugin of the conformance table was built.
inline std::string conformance_plugin() {
  const char *path = std::getenv("CACHECORE_CONFORMANCE_PLUGIN");
  if (path == nullptr) test_die("CACHECORE_CONFORMANCE_PLUGIN does not say where the plugin is");
  return path;
}

// A core that needs no server.
inline cachecore::core conformance_core() {
  return cachecore::core(
      cachecore::options{.url = "unix:///nonexistent/redis.sock", .plugins = {{conformance_plugin()}}});
}

// A server of this test program, ended with it.
class server {
 public:
  server() : native_(test_server_start(nullptr, nullptr)) {}
  server(const server &) = delete;
  server &operator=(const server &) = delete;
  ~server() { test_server_stop(native_); }
  [[nodiscard]] std::string url() const { return test_server_url(native_); }
  [[nodiscard]] test_server *native() const { return native_; }

 private:
  test_server *native_;
};

}  // namespace check
