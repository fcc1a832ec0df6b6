#include "query.h"

#include "execution.h"
#include "failure.h"
#include "render.h"

namespace cachectl {

bool has_method(context &context, const std::string &method) { return context.described().method(method) != nullptr; }

cachecore_status query(context &context, const std::string &method, const std::vector<word> &words,
                       const std::function<void(const cachecore_value &)> &look) {
  const method_description *found = context.described().method(method);
  if (found == nullptr) {
    const std::string plugin = method.substr(0, method.find('.'));
    throw failure(CACHECORE_NO_METHOD,
                  "this needs " + method + ": load the plugin " + plugin + " (--plugin " + plugin + ")");
  }
  const bound_arguments arguments = bind_arguments(*found, words, context.in());
  const call_settings settings = {.timeout_ms = context.options().timeout_ms};
  const answer_receiver receiver = {.answer = look, .lost = [](int64_t) {}, .caught_up = [] {}};
  return run_call(context.core(), find_method(context.core(), method), arguments.values, settings, context.out(),
                  receiver);
}

double number_of(const cachecore_value &map, std::string_view key) {
  const cachecore_value *found = member(map, key);
  if (found == nullptr) return 0;
  if (found->kind == CACHECORE_INT) return static_cast<double>(found->as.integer);
  return found->kind == CACHECORE_DOUBLE ? found->as.real : 0;
}

std::string text_of(const cachecore_value &map, std::string_view key) {
  const cachecore_value *found = member(map, key);
  return found == nullptr || found->kind == CACHECORE_NIL ? std::string() : compact(*found);
}

}  // namespace cachectl
