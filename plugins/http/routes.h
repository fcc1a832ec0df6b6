// routes.h: from a request to what is to be done, and from what came of it to a response.
//
// Pure: reads a request, calls nothing, so that every path is testable by what it plans.
//
// Thread rule: unchanging, the server's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access.h"
#include "request.h"
#include "response.h"

namespace http_plugin {

// An answer of the host, freed at the end.
class result_holder {
 public:
  result_holder(const cachecore_submit_service &submit, cachecore_result *owned) : submit_(&submit), owned_(owned) {}
  ~result_holder() { submit_->result_free(owned_); }
  result_holder(result_holder &&other) noexcept
      : submit_(other.submit_), owned_(std::exchange(other.owned_, nullptr)) {}
  result_holder &operator=(result_holder &&other) noexcept {
    std::swap(owned_, other.owned_);
    return *this;
  }
  [[nodiscard]] const cachecore_value *get() const { return submit_->result_value(owned_); }

 private:
  const cachecore_submit_service *submit_;
  cachecore_result *owned_;
};

struct plan {
  enum class kind : uint8_t { answer, health, full_health, call, stream, metrics };
  kind what = kind::answer;
  response answer;  // of `answer`; of `metrics` the content type
  const cachecore_method *method = nullptr;
  std::vector<value> arguments;
  std::vector<result_holder> kept;  // what `arguments` point into
  std::vector<std::string> texts;
};

class routes {
 public:
  routes(const host &host, const access &access) : host_(host), submit_(*host.services().submit), access_(access) {}

  [[nodiscard]] plan find(const request &asked, std::string_view body) const;

  // {"result": ...}
  [[nodiscard]] response result(const cachecore_value *answer) const;
  // {"error": {status, message, server_code?}}
  [[nodiscard]] response failure(const cachecore_error &failed) const;
  [[nodiscard]] response text_of(const cachecore_value &plain, int status) const;
  // An event of a stream; `name` empty: an item.
  [[nodiscard]] std::string event(std::string_view name, const cachecore_value &plain) const;

 private:
  [[nodiscard]] plan page(const request &asked) const;
  [[nodiscard]] plan stats(const request &asked) const;
  [[nodiscard]] plan metrics(const request &asked) const;
  [[nodiscard]] plan methods() const;
  [[nodiscard]] plan call(const request &asked, std::string_view body) const;
  [[nodiscard]] plan refuse(int status, cachecore_status code, std::string_view message) const;
  [[nodiscard]] std::optional<plan> bind(plan &to, const cachecore_value &arguments) const;
  [[nodiscard]] std::string json(const cachecore_value &plain) const;

  const host &host_;
  const cachecore_submit_service &submit_;
  const access &access_;
};

// The HTTP status for a call's.
int http_status(cachecore_status status);

}  // namespace http_plugin
