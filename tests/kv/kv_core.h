// kv_core.h: a redis-server, a core with the plugin kv in front of it, and calls as text.
//
// Thread rule: the test's main thread.
#pragma once

#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace kv_test {

// What a call came to.
struct outcome {
  cachecore_status status;
  std::string answer;  // as `show` writes it
  std::string message;
  std::string server_code;
};

class kv_core {
 public:
  explicit kv_core(const char *key_prefix = nullptr);
  ~kv_core();
  kv_core(const kv_core &) = delete;
  kv_core &operator=(const kv_core &) = delete;

  // Calls kv.<method>; timeout_ms as cachecore_call.
  outcome call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms = 0);
  // The same, when it has to answer; the answer.
  std::string answer(const char *method, const std::vector<cachecore_value> &args);

  // What core.stats answers.
  std::string stats();

  // A raw command, its reply as text.
  std::string redis(const std::string &command);

  [[nodiscard]] const test_server *server() const { return server_; }
  [[nodiscard]] cachecore_handle *handle() const { return core_; }

 private:
  test_server *server_;
  cachecore_handle *core_ = nullptr;
};

// A submitted kv.watch_expired.
class watch {
 public:
  watch(kv_core &core, const std::vector<cachecore_value> &args);
  ~watch();
  watch(const watch &) = delete;
  watch &operator=(const watch &) = delete;

  // The next item, or how it ended: "CANCELLED: message". Ends the program if none comes.
  std::string next();
  void cancel();

 private:
  kv_core &core_;
  cachecore_completions *queue_ = nullptr;
  uint64_t operation_ = 0;
};

cachecore_value text(const char *bytes);
cachecore_value number(int64_t integer);

// For a group of tests that share a core (which is their state) with an empty database before each.
int start_core(void **state);
int start_prefixed_core(void **state);  // key_prefix "app[1]:"
int stop_core(void **state);
int empty_database(void **state);
kv_core &core_of(void **state);

void assert_text(const std::string &actual, const char *expected);
void assert_contains(const std::string &actual, const char *part);
// That it failed so, with a message that names the method and contains `part`.
void assert_failed(const outcome &came, cachecore_status status, const char *part);

}  // namespace kv_test
