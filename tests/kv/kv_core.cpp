#include "kv_core.h"

#include <poll.h>

#include <cstdlib>

#include "tests/plugins/show.h"
#include "tests/support/unit.h"

namespace kv_test {

namespace {

void require_ok(cachecore_status status, const char *what, const cachecore_error &error) {
  if (status != CACHECORE_OK) test_die("%s: %s: %s", what, cachecore_status_name(status), error.message);
}

}  // namespace

cachecore_value text(const char *bytes) { return cachecore_text(bytes); }
cachecore_value number(int64_t integer) { return cachecore_int(integer); }

int start_core(void **state) {
  *state = new kv_core();
  return 0;
}

int start_prefixed_core(void **state) {
  *state = new kv_core("app[1]:");
  return 0;
}

int stop_core(void **state) {
  delete &core_of(state);
  return 0;
}

int empty_database(void **state) {
  assert_text(core_of(state).redis("FLUSHALL"), "OK");
  return 0;
}

kv_core &core_of(void **state) { return *static_cast<kv_core *>(*state); }

void assert_text(const std::string &actual, const char *expected) { assert_string_equal(actual.c_str(), expected); }

void assert_contains(const std::string &actual, const char *part) {
  const bool found = actual.find(part) != std::string::npos;
  if (!found) print_error("\"%s\" does not contain \"%s\"\n", actual.c_str(), part);
  assert_true(found);
}

void assert_failed(const outcome &came, cachecore_status status, const char *part) {
  if (came.status != status) print_error("%s: %s\n", cachecore_status_name(came.status), came.message.c_str());
  assert_int_equal(came.status, status);
  assert_contains(came.message, "kv.");
  assert_contains(came.message, part);
}

kv_core::kv_core(const char *key_prefix) : server_(test_server_start(nullptr, nullptr)) {
  cachecore_options options;
  cachecore_options_init(&options);
  const char *const plugins[] = {"kv", nullptr};
  options.url = test_server_url(server_);
  options.plugins = plugins;
  options.key_prefix = key_prefix;
  options.call_timeout_ms = test_patience_ms();
  cachecore_error error;
  require_ok(cachecore_init(&options, &core_, &error), "init", error);
}

kv_core::~kv_core() {
  cachecore_close(core_);
  test_server_stop(server_);
}

outcome kv_core::call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms) {
  const cachecore_method *found = nullptr;
  cachecore_result *result = nullptr;
  cachecore_error error;
  require_ok(cachecore_method_find(core_, (std::string("kv.") + method).c_str(), &found, &error), method, error);
  outcome came{};
  came.status = cachecore_call(core_, found, args.data(), args.size(), timeout_ms, &result, &error);
  if (came.status == CACHECORE_OK) came.answer = show(*cachecore_result_value(result));
  came.message = error.message;
  came.server_code = error.server_code;
  cachecore_result_free(result);
  return came;
}

std::string kv_core::answer(const char *method, const std::vector<cachecore_value> &args) {
  const outcome came = call(method, args);
  return came.status == CACHECORE_OK ? came.answer
                                     : std::string(cachecore_status_name(came.status)) + ": " + came.message;
}

std::string kv_core::stats() {
  cachecore_result *result = nullptr;
  cachecore_error error;
  require_ok(cachecore_invoke(core_, "core.stats", nullptr, 0, &result, &error), "core.stats", error);
  std::string shown = show(*cachecore_result_value(result));
  cachecore_result_free(result);
  return shown;
}

std::string kv_core::redis(const std::string &command) {
  char *reply = test_command_text(server_, command.c_str());
  std::string copy(reply);
  free(reply);
  return copy;
}

watch::watch(kv_core &core, const std::vector<cachecore_value> &args) : core_(core) {
  const cachecore_method *method = nullptr;
  cachecore_error error;
  require_ok(cachecore_completions_create(core.handle(), &queue_, &error), "completions", error);
  require_ok(cachecore_method_find(core.handle(), "kv.watch_expired", &method, &error), "find", error);
  require_ok(cachecore_submit(core.handle(), method, args.data(), args.size(), 0, queue_, 0, &operation_, &error),
             "submit", error);
}

watch::~watch() { cachecore_completions_destroy(queue_); }

std::string watch::next() {
  cachecore_completion completion;
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  while (cachecore_completions_drain(queue_, &completion, 1) == 0) {
    if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("the stream is silent");
  }
  std::string said;
  if ((completion.flags & CACHECORE_COMPLETION_MORE) != 0) {
    said = show(*cachecore_result_value(completion.result));
  } else {
    said = cachecore_status_name(completion.status);
    if (const cachecore_error *error = cachecore_result_error(completion.result))
      said += std::string(": ") + error->message;
  }
  cachecore_result_free(completion.result);
  return said;
}

void watch::cancel() {
  cachecore_error error;
  require_ok(cachecore_cancel(core_.handle(), operation_, &error), "cancel", error);
}

}  // namespace kv_test
