// cache_core.h: a core with the plugin cache, and its methods as C++ calls.
//
// Thread rule: `cache_core` may be called from any thread, `pending` belongs to one. What fails where a test does not
// expect it ends the program (test_die), since cmocka's assertions are for the test's own thread.
#pragma once

#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/support.h"

namespace cache_test {

// What a call came to.
struct outcome {
  cachecore_status status = CACHECORE_OK;
  std::string answer;  // as `show` writes it
  std::string message;

  // Of a lookup.
  std::string state;
  std::string value;
  std::string lease;
  bool has_age = false;
  int64_t age_ms = 0;
};

cachecore_value text(std::string_view bytes);
cachecore_value truth(bool is);
cachecore_value number(int64_t integer);

class cache_core {
 public:
  // `config` is the plugin's configuration in JSON, or null.
  explicit cache_core(const char *url, const char *config = nullptr, const char *key_prefix = nullptr);
  ~cache_core();
  cache_core(const cache_core &) = delete;
  cache_core &operator=(const cache_core &) = delete;

  // Calls cache.<method>; timeout_ms as cachecore_call.
  outcome call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms = 0) const;
  // The same, when it has to answer.
  outcome ok(const char *method, const std::vector<cachecore_value> &args) const;

  outcome lookup(const std::string &region, const std::string &key, int64_t timeout_ms = 0) const;
  // A lookup that must be told to load; its lease.
  std::string must_load(const std::string &region, const std::string &key) const;
  // Must succeed; whether it was kept.
  bool store(const std::string &lease, const std::string &value) const;
  void fail(const std::string &lease, const std::string &message) const;
  void define(const std::string &region, const std::vector<std::pair<std::string, cachecore_value>> &fields) const;
  // A figure of cache.stats.
  int64_t figure(const std::string &region, const char *name) const;
  // Waits until so many lookups of the region wait for a load.
  void wait_for_waiting(const std::string &region, int64_t count) const;

  [[nodiscard]] cachecore_handle *handle() const { return core_; }

 private:
  cachecore_handle *core_ = nullptr;
};

// A policy with an l1 that may be behind by so much.
struct near_fields {
  explicit near_fields(int64_t max_stale_ms, int64_t max_bytes = 1 << 20, int64_t ttl_ms = 0);
  [[nodiscard]] cachecore_value map() const { return cachecore_map(pairs, 3); }
  cachecore_pair pairs[3];  // NOLINT(modernize-use-default-member-init): each is another
};

// Looks a key up until a copy of this process answers, with `value`.
void until_near(const cache_core &core, const std::string &region, const std::string &key, const char *value);

// Waits until it holds, for as long as tests wait.
bool until(const std::function<bool()> &holds);

// A submitted lookup.
class pending {
 public:
  pending(const cache_core &core, const std::string &region, const std::string &key, int64_t timeout_ms = 0);
  ~pending();
  pending(const pending &) = delete;
  pending &operator=(const pending &) = delete;

  // Whether it has ended.
  bool ended();
  // How it ended; waits for that.
  outcome wait();
  void cancel();
  // Its answer is never read: whatever it was given goes back.
  void abandon();

 private:
  const cache_core &core_;
  cachecore_completions *queue_ = nullptr;
  uint64_t operation_ = 0;
};

// Runs `body(0)` ... `body(count - 1)` at once, each on a thread of its own, and waits for all.
void on_threads(int count, const std::function<void(int)> &body);

std::string redis(const test_server *server, const std::string &command);
// The keys of the server that match, sorted.
std::vector<std::string> keys_of(const test_server *server, const std::string &pattern);

void assert_text(const std::string &actual, const char *expected);
void assert_contains(const std::string &actual, const char *part);
// That it failed so, with a message that names the method and contains `part`.
void assert_failed(const outcome &came, cachecore_status status, const char *part);
// That a lookup answered so.
void assert_found(const outcome &came, const char *state, const char *value);

}  // namespace cache_test
