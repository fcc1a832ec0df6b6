#include "tests/topology/redis_core.h"

#include <poll.h>

#include <cstdlib>

#include "tests/plugins/show.h"
#include "tests/support/support.h"
#include "tests/support/unit.h"

namespace topology_test {
namespace {

std::vector<cachecore_value> values_of(const words &from) {
  std::vector<cachecore_value> out;
  out.reserve(from.size());
  for (const std::string &each : from) out.push_back(cachecore_bytes(each.data(), each.size()));
  return out;
}

cachecore_value list_of(const std::vector<cachecore_value> &items) {
  return cachecore_list(items.data(), items.size());
}

}  // namespace

redis_core::redis_core(const std::string &url, const char *config_json, int64_t call_timeout_ms) {
  cachecore_options options;
  cachecore_options_init(&options);
  const char *const none[] = {nullptr};
  options.url = url.c_str();
  options.plugins = none;
  options.config_json = config_json;
  options.call_timeout_ms = call_timeout_ms;
  cachecore_error error;
  if (cachecore_init(&options, &core_, &error) != CACHECORE_OK) test_die("init: %s", error.message);
}

redis_core::~redis_core() { cachecore_close(core_); }

outcome redis_core::call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms) const {
  const cachecore_method *found = nullptr;
  cachecore_error error;
  if (cachecore_method_find(core_, method, &found, &error) != CACHECORE_OK) test_die("%s", error.message);
  cachecore_result *result = nullptr;
  outcome came;
  came.status = cachecore_call(core_, found, args.data(), args.size(), timeout_ms, &result, &error);
  if (came.status == CACHECORE_OK) came.answer = show(*cachecore_result_value(result));
  came.message = error.message;
  cachecore_result_free(result);
  return came;
}

outcome redis_core::command(const words &of_it, int64_t timeout_ms) const {
  const auto values = values_of(of_it);
  return call("redis.command", {list_of(values)}, timeout_ms);
}

outcome redis_core::pipeline(const std::vector<words> &commands, int64_t timeout_ms) const {
  std::vector<std::vector<cachecore_value>> values;
  std::vector<cachecore_value> lists;
  values.reserve(commands.size());
  lists.reserve(commands.size());
  for (const words &each : commands) values.push_back(values_of(each));
  for (const auto &each : values) lists.push_back(list_of(each));
  return call("redis.pipeline", {list_of(lists)}, timeout_ms);
}

outcome redis_core::transaction(const std::vector<words> &commands) const {
  std::vector<std::vector<cachecore_value>> values;
  std::vector<cachecore_value> lists;
  values.reserve(commands.size());
  lists.reserve(commands.size());
  for (const words &each : commands) values.push_back(values_of(each));
  for (const auto &each : values) lists.push_back(list_of(each));
  return call("redis.transaction", {list_of(lists)});
}

outcome redis_core::script(const std::string &source, const words &keys, const words &args) const {
  const auto key_values = values_of(keys);
  const auto arg_values = values_of(args);
  return call("redis.script",
              {cachecore_bytes(source.data(), source.size()), list_of(key_values), list_of(arg_values)});
}

listener::listener(const redis_core &core, const words &channels, kind of) {
  const cachecore_method *method = nullptr;
  cachecore_error error;
  const auto names = values_of(channels);
  const cachecore_value args[] = {list_of(names), cachecore_bool(of == kind::patterns),
                                  cachecore_bool(of == kind::sharded)};
  if (cachecore_completions_create(core.handle(), &queue_, &error) != CACHECORE_OK ||
      cachecore_method_find(core.handle(), "redis.subscribe", &method, &error) != CACHECORE_OK ||
      cachecore_submit(core.handle(), method, args, 3, 0, queue_, 0, nullptr, &error) != CACHECORE_OK) {
    test_die("subscribe: %s", error.message);
  }
}

listener::~listener() { cachecore_completions_destroy(queue_); }

std::string listener::next() {
  cachecore_completion completion;
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  while (cachecore_completions_drain(queue_, &completion, 1) == 0) {
    if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("the subscription is silent");
  }
  std::string said = cachecore_status_name(completion.status);
  if ((completion.flags & CACHECORE_COMPLETION_MORE) != 0) said = show(*cachecore_result_value(completion.result));
  cachecore_result_free(completion.result);
  return said;
}

std::string listener::next_with(const std::string &part) {
  for (;;) {
    std::string said = next();
    if (said.find(part) != std::string::npos) return said;
    if (said[0] != '{') test_die("the subscription ended: %s", said.c_str());
  }
}

int64_t integer_of(const std::string &text) { return std::strtoll(text.c_str(), nullptr, 10); }

std::string text_of(const outcome &came) {
  return came.status == CACHECORE_OK ? came.answer
                                     : std::string(cachecore_status_name(came.status)) + ": " + came.message;
}

void assert_answer(const outcome &came, const char *expected) { assert_string_equal(text_of(came).c_str(), expected); }

void assert_failed(const outcome &came, cachecore_status status, const char *part) {
  if (came.status != status || came.message.find(part) == std::string::npos) print_error("%s\n", text_of(came).c_str());
  assert_int_equal(came.status, status);
  assert_true(came.message.find(part) != std::string::npos);
}

}  // namespace topology_test
