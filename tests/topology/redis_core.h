// redis_core.h: a core without plugins in front of any server, and the methods of `redis` in short.
//
// Thread rule: calls on any thread, all else on the main thread.
#pragma once

#include <cachecore/completions.h>
#include <cachecore/core.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace topology_test {

using words = std::vector<std::string>;

struct outcome {
  cachecore_status status = CACHECORE_OK;
  std::string answer;   // as `show` writes it
  std::string message;  // of an error
};

class redis_core {
 public:
  // `config_json` may be null; it is merged under the url.
  explicit redis_core(const std::string &url, const char *config_json = nullptr, int64_t call_timeout_ms = 20'000);
  ~redis_core();
  redis_core(const redis_core &) = delete;
  redis_core &operator=(const redis_core &) = delete;

  outcome command(const words &of_it, int64_t timeout_ms = 0) const;
  outcome pipeline(const std::vector<words> &commands, int64_t timeout_ms = 0) const;
  outcome transaction(const std::vector<words> &commands) const;
  outcome script(const std::string &source, const words &keys, const words &args = {}) const;
  outcome call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms = 0) const;

  [[nodiscard]] cachecore_handle *handle() const { return core_; }

 private:
  cachecore_handle *core_ = nullptr;
};

// A submitted redis.subscribe.
class listener {
 public:
  enum class kind { channels, patterns, sharded };
  listener(const redis_core &core, const words &channels, kind of = kind::channels);
  ~listener();
  listener(const listener &) = delete;
  listener &operator=(const listener &) = delete;

  // The next item as `show` writes it, or how it ended. Ends the program if none comes.
  std::string next();
  // Items until one that contains `part`; that one.
  std::string next_with(const std::string &part);

 private:
  cachecore_completions *queue_ = nullptr;
};

// The number a text begins with, 0 if with none.
int64_t integer_of(const std::string &text);

// The answer, or "STATUS: message".
std::string text_of(const outcome &came);
void assert_answer(const outcome &came, const char *expected);
void assert_failed(const outcome &came, cachecore_status status, const char *part);

}  // namespace topology_test
