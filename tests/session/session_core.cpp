#include "session_core.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <thread>

#include "tests/plugins/show.h"
#include "tests/support/unit.h"

namespace session_test {

namespace {

void require_ok(cachecore_status status, const char *what, const cachecore_error &error) {
  if (status != CACHECORE_OK) test_die("%s: %s: %s", what, cachecore_status_name(status), error.message);
}

const cachecore_method *find(cachecore_handle *core, const char *name) {
  const cachecore_method *found = nullptr;
  cachecore_error error;
  require_ok(cachecore_method_find(core, (std::string("session.") + name).c_str(), &found, &error), name, error);
  return found;
}

void read_map(const cachecore_value &map, std::map<std::string, std::string> &out) {
  for (size_t i = 0; i < map.as.map.count; i++) out[show(map.as.map.pairs[i].key)] = show(map.as.map.pairs[i].value);
}

outcome read_outcome(cachecore_status status, const cachecore_result *result, const char *message) {
  outcome came;
  came.status = status;
  came.message = message;
  if (status != CACHECORE_OK) return came;
  const cachecore_value &answer = *cachecore_result_value(result);
  came.answer = show(answer);
  if (answer.kind == CACHECORE_MAP) {
    read_map(answer, came.fields);
    for (size_t i = 0; i < answer.as.map.count; i++) {
      const cachecore_pair &pair = answer.as.map.pairs[i];
      if (pair.value.kind == CACHECORE_MAP) read_map(pair.value, came.attributes);
    }
  }
  if (answer.kind == CACHECORE_LIST) {
    for (size_t i = 0; i < answer.as.list.count; i++) {
      std::map<std::string, std::string> item;
      read_map(answer.as.list.items[i], item);
      came.handles.push_back(item["handle"]);
    }
  }
  return came;
}

std::vector<cachecore_pair> pairs_of(const attributes &with) {
  std::vector<cachecore_pair> pairs;
  pairs.reserve(with.size());
  for (const auto &[name, value] : with) pairs.push_back({text(name), text(value)});
  return pairs;
}

}  // namespace

std::string outcome::at(const std::string &field) const {
  const auto found = fields.find(field);
  if (found == fields.end()) test_die("there is no %s in %s%s", field.c_str(), answer.c_str(), message.c_str());
  return found->second;
}

cachecore_value text(std::string_view bytes) { return cachecore_bytes(bytes.data(), bytes.size()); }
cachecore_value number(int64_t integer) { return cachecore_int(integer); }

session_core::session_core(const std::string &url, const char *config, const char *key_prefix) {
  cachecore_options options;
  cachecore_options_init(&options);
  const char *const plugins[] = {"session", nullptr};
  const std::string json = std::string(R"({"plugins": {"session": )") + (config == nullptr ? "{}" : config) + "}}";
  options.url = url.c_str();
  options.plugins = plugins;
  options.config_json = json.c_str();
  options.key_prefix = key_prefix;
  options.call_timeout_ms = test_patience_ms();
  cachecore_error error;
  require_ok(cachecore_init(&options, &core_, &error), "init", error);
}

session_core::~session_core() { cachecore_close(core_); }

outcome session_core::call(const char *method, const values &args, int64_t timeout_ms) const {
  cachecore_result *result = nullptr;
  cachecore_error error;
  const cachecore_status status =
      cachecore_call(core_, find(core_, method), args.data(), args.size(), timeout_ms, &result, &error);
  outcome came = read_outcome(status, result, error.message);
  cachecore_result_free(result);
  return came;
}

outcome session_core::ok(const char *method, const values &args) const {
  outcome came = call(method, args);
  if (!came.ok()) test_die("%s: %s: %s", method, cachecore_status_name(came.status), came.message.c_str());
  return came;
}

std::string session_core::create(const std::string &user, const attributes &with, const values &more) const {
  const std::vector<cachecore_pair> pairs = pairs_of(with);
  values args = {user.empty() ? nil : text(user), cachecore_map(pairs.data(), pairs.size())};
  args.insert(args.end(), more.begin(), more.end());
  return ok("create", args).at("id");
}

outcome session_core::update(const std::string &id, const attributes &changes, cachecore_value version) const {
  const std::vector<cachecore_pair> pairs = pairs_of(changes);
  return call("update", {text(id), cachecore_map(pairs.data(), pairs.size()), version});
}

int64_t session_core::count(const std::string &user) const { return std::stoll(ok("count", {text(user)}).answer); }

pending::pending(const session_core &core, const char *method, const values &args, int64_t timeout_ms) : core_(core) {
  cachecore_error error;
  require_ok(cachecore_completions_create(core.handle(), &queue_, &error), "completions", error);
  require_ok(cachecore_submit(core.handle(), find(core.handle(), method), args.data(), args.size(), timeout_ms, queue_,
                              0, &operation_, &error),
             "submit", error);
}

pending::~pending() { abandon(); }

void pending::wait_until_ended() {
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("the call does not end");
}

outcome pending::wait() {
  cachecore_completion completion;
  while (cachecore_completions_drain(queue_, &completion, 1) == 0) wait_until_ended();
  const cachecore_error *error = cachecore_result_error(completion.result);
  outcome came = read_outcome(completion.status, completion.result, error != nullptr ? error->message : "");
  cachecore_result_free(completion.result);
  return came;
}

void pending::cancel() {
  cachecore_error error;
  require_ok(cachecore_cancel(core_.handle(), operation_, &error), "cancel", error);
}

void pending::abandon() {
  cachecore_completions_destroy(queue_);
  queue_ = nullptr;
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
  std::string list = redis(server, "KEYS " + pattern);
  std::vector<std::string> keys;
  list = list.substr(1, list.size() - 2);
  for (size_t at = 0; at < list.size();) {
    const size_t end = std::min(list.find(", ", at), list.size());
    keys.push_back(list.substr(at, end - at));
    at = end + 2;
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

void wait_until(const char *what, const std::function<bool()> &holds) {
  auto asked = holds;
  const int reached =
      test_wait_until([](void *context) { return (*static_cast<std::function<bool()> *>(context))() ? 1 : 0; }, &asked,
                      test_patience_ms());
  if (reached == 0) test_die("it does not come: %s", what);
}

void let_pass(const test_server *server, const std::string &session_key, int64_t ms) {
  for (const char *field : {"seen", "created", "ends"}) {
    redis(server, "HINCRBY " + session_key + " " + field + " -" + std::to_string(ms));
  }
  const int64_t left = test_command_integer(server, ("PTTL " + session_key).c_str());
  redis(server, "PEXPIRE " + session_key + " " + std::to_string(left - ms));
}

bool is_long() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::strcmp(length, "long") == 0;
}

void assert_text(const std::string &actual, const std::string &expected) {
  assert_string_equal(actual.c_str(), expected.c_str());
}

void assert_contains(const std::string &actual, const char *part) {
  const bool found = actual.find(part) != std::string::npos;
  if (!found) print_error("\"%s\" does not contain \"%s\"\n", actual.c_str(), part);
  assert_true(found);
}

void assert_failed(const outcome &came, cachecore_status status, const char *part) {
  if (came.status != status) print_error("%s: %s\n", cachecore_status_name(came.status), came.message.c_str());
  assert_int_equal(came.status, status);
  assert_contains(came.message, "session.");
  assert_contains(came.message, part);
}

void assert_not_found(const outcome &came) {
  if (came.status != CACHECORE_NOT_FOUND) {
    print_error("%s: %s%s\n", cachecore_status_name(came.status), came.message.c_str(), came.answer.c_str());
  }
  assert_int_equal(came.status, CACHECORE_NOT_FOUND);
}

void assert_ok(const outcome &came) {
  if (!came.ok()) print_error("%s: %s\n", cachecore_status_name(came.status), came.message.c_str());
  assert_int_equal(came.status, CACHECORE_OK);
}

}  // namespace session_test
