#include "auth_core.h"

#include <hiredis/hiredis.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <thread>

#include "tests/plugins/show.h"
#include "tests/support/unit.h"

namespace auth_test {

namespace {

test_server *shared = nullptr;

void require_ok(cachecore_status status, const char *what, const cachecore_error &error) {
  if (status != CACHECORE_OK) test_die("%s: %s: %s", what, cachecore_status_name(status), error.message);
}

const cachecore_method *find(cachecore_handle *core, const char *name) {
  const cachecore_method *found = nullptr;
  cachecore_error error;
  require_ok(cachecore_method_find(core, (std::string("auth.") + name).c_str(), &found, &error), name, error);
  return found;
}

outcome read_outcome(cachecore_status status, const cachecore_result *result, const char *message) {
  outcome came;
  came.status = status;
  came.message = message;
  if (status != CACHECORE_OK) return came;
  const cachecore_value &answer = *cachecore_result_value(result);
  came.answer = show(answer);
  if (answer.kind != CACHECORE_MAP) return came;
  for (size_t i = 0; i < answer.as.map.count; i++) {
    came.fields[show(answer.as.map.pairs[i].key)] = show(answer.as.map.pairs[i].value);
  }
  return came;
}

cachecore_status open(const std::string &url, const options &how, cachecore_log_function log, void *context,
                      cachecore_handle **out, cachecore_error *error) {
  cachecore_options made;
  cachecore_options_init(&made);
  const char *const plugins[] = {"auth", nullptr};
  const std::string json = std::string(R"({"plugins": {"auth": )") + how.config + "}}";
  made.url = url.c_str();
  made.plugins = plugins;
  made.config_json = json.c_str();
  made.key_prefix = how.key_prefix;
  made.call_timeout_ms = how.call_timeout_ms == 0 ? test_patience_ms() : how.call_timeout_ms;
  made.log = log;
  made.log_context = context;
  return cachecore_init(&made, out, error);
}

}  // namespace

const std::string &outcome::operator[](const char *name) const {
  const auto found = fields.find(name);
  if (found == fields.end()) test_die("no %s in: %s%s", name, answer.c_str(), message.c_str());
  return found->second;
}

cachecore_value text(std::string_view bytes) { return cachecore_bytes(bytes.data(), bytes.size()); }
cachecore_value number(int64_t integer) { return cachecore_int(integer); }

auth_core::auth_core(const std::string &url, const options &how) {
  cachecore_error error;
  require_ok(open(url, how, &write_log, this, &core_, &error), "init", error);
}

auth_core::~auth_core() { cachecore_close(core_); }

void auth_core::write_log(void *context, int32_t /*level*/, const char *message) {
  auto &self = *static_cast<auth_core *>(context);
  const std::lock_guard lock(self.mutex_);
  self.log_.append(message).append("\n");
}

std::string auth_core::logged() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

std::string refusal(const std::string &url, const char *config) {
  cachecore_handle *core = nullptr;
  cachecore_error error;
  if (open(url, {config}, nullptr, nullptr, &core, &error) == CACHECORE_OK) {
    cachecore_close(core);
    return "it was not refused";
  }
  return error.message;
}

outcome auth_core::call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms) const {
  cachecore_result *result = nullptr;
  cachecore_error error;
  const cachecore_status status =
      cachecore_call(core_, find(core_, method), args.data(), args.size(), timeout_ms, &result, &error);
  outcome came = read_outcome(status, result, error.message);
  cachecore_result_free(result);
  return came;
}

outcome auth_core::ok(const char *method, const std::vector<cachecore_value> &args) const {
  outcome came = call(method, args);
  if (!came.is_ok()) test_die("%s: %s: %s", method, cachecore_status_name(came.status), came.message.c_str());
  return came;
}

std::string auth_core::user_of(const std::string &token) const {
  const outcome came = verify(token);
  return came.is_ok() ? came["user_id"] : cachecore_status_name(came.status);
}

size_t auth_core::listed(const std::string &user) const {
  const std::string shown = ok("list", {text(user)}).answer;
  size_t count = 0;
  for (size_t at = shown.find("{handle: "); at != std::string::npos; at = shown.find("{handle: ", at + 1)) count++;
  return count;
}

pending::pending(const auth_core &core, const char *method, const std::vector<cachecore_value> &args,
                 int64_t timeout_ms)
    : core_(core) {
  cachecore_error error;
  require_ok(cachecore_completions_create(core.handle(), &queue_, &error), "completions", error);
  require_ok(cachecore_submit(core.handle(), find(core.handle(), method), args.data(), args.size(), timeout_ms, queue_,
                              0, &operation_, &error),
             "submit", error);
}

pending::~pending() { abandon(); }

void pending::abandon() {
  if (queue_ != nullptr) cachecore_completions_destroy(queue_);
  queue_ = nullptr;
}

outcome pending::wait() {
  cachecore_completion completion;
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  while (cachecore_completions_drain(queue_, &completion, 1) == 0) {
    if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("a call does not end");
  }
  const cachecore_error *error = cachecore_result_error(completion.result);
  outcome came = read_outcome(completion.status, completion.result, error == nullptr ? "" : error->message);
  cachecore_result_free(completion.result);
  return came;
}

void pending::cancel() {
  cachecore_error error;
  require_ok(cachecore_cancel(core_.handle(), operation_, &error), "cancel", error);
}

void on_threads(int count, const std::function<void(int)> &body) {
  std::latch begin(count);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; i++) {
    threads.emplace_back([&, i] {
      begin.arrive_and_wait();
      body(i);
    });
  }
  for (std::thread &each : threads) each.join();
}

std::string redis(const test_server *server, const std::string &command) {
  char *reply = test_command_text(server, command.c_str());
  std::string copy(reply);
  free(reply);
  return copy;
}

std::vector<std::string> keys_of(const test_server *server, const std::string &pattern) {
  redisReply *reply = test_command(server, "KEYS %s", pattern.c_str());
  std::vector<std::string> keys;
  keys.reserve(reply->elements);
  for (size_t i = 0; i < reply->elements; i++) keys.emplace_back(reply->element[i]->str, reply->element[i]->len);
  freeReplyObject(reply);
  std::sort(keys.begin(), keys.end());
  return keys;
}

void wait_for(const test_server *server, const std::string &command, const std::string &answer) {
  struct waited {
    const test_server *server;
    const std::string *command;
    const std::string *answer;
  } context{server, &command, &answer};
  const auto holds = [](void *given) {
    const auto &about = *static_cast<waited *>(given);
    return redis(about.server, *about.command) == *about.answer ? 1 : 0;
  };
  if (test_wait_until(holds, &context, test_patience_ms()) == 0) {
    test_die("%s does not become %s, it is %s", command.c_str(), answer.c_str(), redis(server, command).c_str());
  }
}

bool long_form() {
  const char *length = getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && strcmp(length, "long") == 0;
}

void assert_text(const std::string &actual, const std::string &expected) {
  assert_string_equal(actual.c_str(), expected.c_str());
}

void assert_contains(const std::string &actual, const std::string &part) {
  const bool found = actual.find(part) != std::string::npos;
  if (!found) print_error("\"%s\" does not contain \"%s\"\n", actual.c_str(), part.c_str());
  assert_true(found);
}

void assert_failed(const outcome &came, cachecore_status status, const char *part) {
  if (came.status != status) print_error("%s: %s\n", cachecore_status_name(came.status), came.message.c_str());
  assert_int_equal(came.status, status);
  assert_contains(came.message, "auth.");
  assert_contains(came.message, part);
}

test_server *shared_server() {
  if (shared == nullptr) shared = test_server_start(nullptr, nullptr);
  return shared;
}

int stop_shared_server(void ** /*state*/) {
  test_server_stop(shared);
  shared = nullptr;
  return 0;
}

int empty_server(void ** /*state*/) {
  assert_text(redis(shared_server(), "FLUSHALL"), "OK");
  return 0;
}

std::string shared_url() { return test_server_url(shared_server()); }

}  // namespace auth_test
