// session_core.h: a core with the plugin session, and its methods as C++ calls.
//
// Thread rule: `session_core` may be called from any thread, `pending` belongs to one. What fails where a test does not
// expect it ends the program (test_die), since cmocka's assertions are for the test's own thread.
#pragma once

#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/support.h"

namespace session_test {

// What a call came to.
struct outcome {
  cachecore_status status = CACHECORE_OK;
  std::string answer;  // as `show` writes it
  std::string message;
  std::map<std::string, std::string> fields;      // of a MAP, likewise
  std::map<std::string, std::string> attributes;  // of its field of that name
  std::vector<std::string> handles;               // of a LIST of MAPs

  [[nodiscard]] bool ok() const { return status == CACHECORE_OK; }
  [[nodiscard]] std::string at(const std::string &field) const;
  [[nodiscard]] int64_t number(const std::string &field) const { return std::stoll(at(field)); }
};

using values = std::vector<cachecore_value>;
using attributes = std::map<std::string, std::string>;

cachecore_value text(std::string_view bytes);
cachecore_value number(int64_t integer);
inline const cachecore_value nil = {CACHECORE_NIL, 0, {0}};

class session_core {
 public:
  // `config` is the plugin's configuration in JSON, or null.
  explicit session_core(const std::string &url, const char *config = nullptr, const char *key_prefix = nullptr);
  ~session_core();
  session_core(const session_core &) = delete;
  session_core &operator=(const session_core &) = delete;

  // Calls session.<method>; timeout_ms as cachecore_call.
  [[nodiscard]] outcome call(const char *method, const values &args, int64_t timeout_ms = 0) const;
  // The same, when it has to answer.
  outcome ok(const char *method, const values &args) const;

  // The id of a new session; `user` empty: of nobody. More arguments as create has them, from idle_ms on.
  std::string create(const std::string &user, const attributes &with = {}, const values &more = {}) const;
  [[nodiscard]] outcome get(const std::string &id) const { return call("get", {text(id)}); }
  outcome update(const std::string &id, const attributes &changes, cachecore_value version = nil) const;
  [[nodiscard]] int64_t count(const std::string &user) const;

  [[nodiscard]] cachecore_handle *handle() const { return core_; }

 private:
  cachecore_handle *core_ = nullptr;
};

// A submitted call.
class pending {
 public:
  pending(const session_core &core, const char *method, const values &args, int64_t timeout_ms = 0);
  ~pending();
  pending(const pending &) = delete;
  pending &operator=(const pending &) = delete;

  // Waits until it has ended; its answer stays unread.
  void wait_until_ended();
  // How it ended; waits for that.
  outcome wait();
  void cancel();
  // Its answer is never read: whatever it was given goes back.
  void abandon();

 private:
  const session_core &core_;
  cachecore_completions *queue_ = nullptr;
  uint64_t operation_ = 0;
};

// Runs `body(0)` ... `body(count - 1)` at once, each on a thread of its own, and waits for all.
void on_threads(int count, const std::function<void(int)> &body);

std::string redis(const test_server *server, const std::string &command);
// The keys of the server that match, sorted.
std::vector<std::string> keys_of(const test_server *server, const std::string &pattern);
// Waits until `holds`, else ends the program with `what`.
void wait_until(const char *what, const std::function<bool()> &holds);

// As if all of a session's time were `ms` later: it was used and made so much earlier, and expires so much sooner.
void let_pass(const test_server *server, const std::string &session_key, int64_t ms);

// Whether the long form was asked for.
bool is_long();

void assert_text(const std::string &actual, const std::string &expected);
void assert_contains(const std::string &actual, const char *part);
// That it failed so, with a message that names the method and contains `part`.
void assert_failed(const outcome &came, cachecore_status status, const char *part);
void assert_not_found(const outcome &came);
void assert_ok(const outcome &came);

}  // namespace session_test
