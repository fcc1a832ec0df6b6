// loading.h: what the tests of configuration share: an environment without our variables, files of a test's own, and
// rejections as text.
#pragma once

#include <string>
#include <string_view>

#include "core/config/configuration.h"
#include "core/failure.h"
#include "tests/support/support.h"
#include "tests/values/cmocka_cpp.h"

namespace loading {

// cmocka setup: unsets every variable configuration reads, so that a developer's environment does not matter.
int clear_environment(void **state);

// The message `action` is rejected with; fails the test unless it throws INVALID_ARGUMENT.
template <class Action>
std::string rejection_of(Action action) {
  try {
    action();
  } catch (const cachecore_internal::failure &reason) {
    assert_int_equal(reason.status(), CACHECORE_INVALID_ARGUMENT);
    return reason.message();
  }
  _fail(__FILE__, __LINE__);
  return {};
}

inline void assert_lacks(std::string_view text, std::string_view part) {
  if (text.find(part) == std::string_view::npos) return;
  print_error("contained: %.*s\n", static_cast<int>(part.size()), part.data());
  _fail(__FILE__, __LINE__);
}

// A directory of the test's own, gone with everything in it, also when the test fails.
class directory {
 public:
  directory() : path_(test_directory()) {}
  ~directory() { test_directory_remove(path_); }
  directory(const directory &) = delete;
  directory &operator=(const directory &) = delete;

  [[nodiscard]] std::string path(const std::string &name) const { return std::string(path_) + "/" + name; }
  // Writes a file of mode 0600 (or `mode`) and returns its path.
  [[nodiscard]] std::string file(const std::string &name, std::string_view content, unsigned mode = 0600) const;

 private:
  char *path_;
};

cachecore_internal::configuration load_json(const std::string &json);
cachecore_internal::configuration load_file(const std::string &path);
// Of nothing but the environment.
cachecore_internal::configuration load_environment();

inline std::string json_rejection(const std::string &json) {
  return rejection_of([&] { load_json(json); });
}

}  // namespace loading
