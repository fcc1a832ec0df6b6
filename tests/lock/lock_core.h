// lock_core.h: a core with the plugin lock, and its methods as C++ calls.
//
// Thread rule: `lock_core` may be called from any thread, `pending` and `watcher` belong to one. What fails where a
// test does not expect it ends the program (test_die), since cmocka's assertions are for the test's own thread.
#pragma once

#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/support.h"

namespace lock_test {

// What acquire is asked for.
struct wish {
  std::string name;
  int64_t lease_ms = 30'000;
  int64_t wait_ms = 0;
  std::string mode = "exclusive";
  int64_t permits = 0;     // 0: none
  std::string owner = "";  // empty: none
  bool renew = true;
  int64_t max_hold_ms = 0;  // 0: none
};

// What a call came to.
struct outcome {
  cachecore_status status = CACHECORE_OK;
  std::string answer;  // as `show` writes it
  std::string message;

  // Of acquire.
  std::string lock;
  int64_t fence = 0;

  [[nodiscard]] bool ok() const noexcept { return status == CACHECORE_OK; }
};

cachecore_value text(std::string_view bytes);
cachecore_value number(int64_t integer);
std::vector<cachecore_value> arguments(const wish &wanted);

class lock_core {
 public:
  // `config` is the plugin's configuration in JSON, or null.
  explicit lock_core(const char *url, const char *config = nullptr, const char *key_prefix = nullptr);
  ~lock_core();
  lock_core(const lock_core &) = delete;
  lock_core &operator=(const lock_core &) = delete;

  // Calls lock.<method>; timeout_ms as cachecore_call.
  outcome call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms = 0) const;
  outcome acquire(const wish &wanted, int64_t timeout_ms = 0) const;
  // The same, when it has to be granted.
  outcome must_acquire(const wish &wanted) const;
  cachecore_status release(const std::string &lock) const;
  void must_release(const std::string &lock) const;
  outcome status(const std::string &name) const;
  // Waits until lock.status of a name contains a text.
  void wait_for_status(const std::string &name, const std::string &part) const;

  [[nodiscard]] cachecore_handle *handle() const { return core_; }

 private:
  cachecore_handle *core_ = nullptr;
};

// A submitted acquire.
class pending {
 public:
  pending(const lock_core &core, const wish &wanted, int64_t timeout_ms = 0);
  ~pending();
  pending(const pending &) = delete;
  pending &operator=(const pending &) = delete;

  [[nodiscard]] bool ended() const;
  outcome wait();
  void cancel();
  // Its answer is never read: whatever it was given goes back.
  void abandon();

 private:
  const lock_core &core_;
  cachecore_completions *queue_ = nullptr;
  uint64_t operation_ = 0;
};

// A stream of lock.watch.
class watcher {
 public:
  watcher(const lock_core &core, const std::string &lock);
  ~watcher();
  watcher(const watcher &) = delete;
  watcher &operator=(const watcher &) = delete;

  // The next event, "(end)", or "(STATUS)"; waits for it.
  std::string next();
  // The same, or "" when there is none now.
  std::string poll();

 private:
  cachecore_completions *queue_ = nullptr;
};

std::string redis(const test_server *server, const std::string &command);
// How often the server has run a command, in scripts and without.
int64_t calls_of(const test_server *server, const std::string &command);
// How many commands the server has run, in scripts and without, but for INFO.
int64_t all_calls(const test_server *server);
// Waits for a condition; false after test_patience_ms.
bool eventually(const std::function<bool()> &holds);
bool is_long();

// Runs `body(0)` ... `body(count - 1)` at once, each on a thread of its own, and waits for all.
void on_threads(int count, const std::function<void(int)> &body);

void assert_text(const std::string &actual, const char *expected);
void assert_contains(const std::string &actual, const char *part);
// That it failed so, with a message that names the method and contains `part`.
void assert_failed(const outcome &came, cachecore_status status, const char *part);

}  // namespace lock_test
