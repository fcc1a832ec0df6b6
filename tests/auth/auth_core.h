// auth_core.h: a core with the plugin auth, and its methods as C++ calls.
//
// Thread rule: `auth_core` may be called from any thread, `pending` belongs to one. What fails where a test does not
// expect it ends the program (test_die), since cmocka's assertions are for the test's own thread.
#pragma once

#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/support.h"

namespace auth_test {

// What a call came to.
struct outcome {
  cachecore_status status = CACHECORE_OK;
  std::string answer;  // as `show` writes it
  std::string message;
  std::map<std::string, std::string> fields;  // of a MAP

  [[nodiscard]] bool is_ok() const { return status == CACHECORE_OK; }
  // A field of a MAP; ends the program when there is none.
  [[nodiscard]] const std::string &operator[](const char *name) const;
  [[nodiscard]] int64_t number(const char *name) const { return std::stoll((*this)[name]); }
};

cachecore_value text(std::string_view bytes);
cachecore_value number(int64_t integer);
inline cachecore_value nil() { return cachecore_nil(); }

struct options {
  const char *config = "{}";  // the plugin's, as JSON
  const char *key_prefix = nullptr;
  int64_t call_timeout_ms = 0;  // 0: the tests' patience
};

class auth_core {
 public:
  explicit auth_core(const std::string &url, const options &how = {});
  ~auth_core();
  auth_core(const auth_core &) = delete;
  auth_core &operator=(const auth_core &) = delete;

  // Calls auth.<method>; timeout_ms as cachecore_call.
  outcome call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms = 0) const;
  // The same, when it has to answer.
  outcome ok(const char *method, const std::vector<cachecore_value> &args) const;

  outcome verify(const std::string &token) const { return call("verify", {text(token)}); }
  outcome rotate(const std::string &token) const { return call("rotate", {text(token)}); }
  // The user of a token, or how verify ended.
  std::string user_of(const std::string &token) const;
  // How many sign-ins list tells of.
  size_t listed(const std::string &user) const;

  // What was logged, a line each.
  std::string logged() const;
  cachecore_handle *handle() const { return core_; }

 private:
  static void write_log(void *context, int32_t level, const char *message);

  cachecore_handle *core_ = nullptr;
  mutable std::mutex mutex_;
  std::string log_;
};

// Why a core could not be made with a configuration.
std::string refusal(const std::string &url, const char *config);

// A submitted call.
class pending {
 public:
  pending(const auth_core &core, const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms = 0);
  ~pending();
  pending(const pending &) = delete;
  pending &operator=(const pending &) = delete;

  outcome wait();
  void cancel();
  // Its answer is never read: whatever it was given goes back.
  void abandon();

 private:
  const auth_core &core_;
  cachecore_completions *queue_ = nullptr;
  uint64_t operation_ = 0;
};

// Runs `body(0)` ... `body(count - 1)` at once, each on a thread of its own, and waits for all.
void on_threads(int count, const std::function<void(int)> &body);

// A raw command of words parted by spaces; its reply as text.
std::string redis(const test_server *server, const std::string &command);
// The keys of the server that match, sorted.
std::vector<std::string> keys_of(const test_server *server, const std::string &pattern);
// Waits until a command answers so.
void wait_for(const test_server *server, const std::string &command, const std::string &answer);

bool long_form();

void assert_text(const std::string &actual, const std::string &expected);
void assert_contains(const std::string &actual, const std::string &part);
// That it failed so, with a message that names the method and contains `part`.
void assert_failed(const outcome &came, cachecore_status status, const char *part);

// For a group of tests that share a server, empty before each.
test_server *shared_server();
int stop_shared_server(void **state);
int empty_server(void **state);
std::string shared_url();

}  // namespace auth_test
