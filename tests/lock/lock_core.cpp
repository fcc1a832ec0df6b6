#include "lock_core.h"

#include <poll.h>

#include <cstdlib>
#include <latch>
#include <thread>

#include "tests/plugins/show.h"
#include "tests/support/unit.h"

namespace lock_test {

namespace {

void require_ok(cachecore_status status, const char *what, const cachecore_error &error) {
  if (status != CACHECORE_OK) test_die("%s: %s: %s", what, cachecore_status_name(status), error.message);
}

const cachecore_method *find(cachecore_handle *core, const char *name) {
  const cachecore_method *found = nullptr;
  cachecore_error error;
  require_ok(cachecore_method_find(core, (std::string("lock.") + name).c_str(), &found, &error), name, error);
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
    const cachecore_pair &pair = answer.as.map.pairs[i];
    const std::string name = show(pair.key);
    if (name == "lock") came.lock = show(pair.value);
    if (name == "fence" && pair.value.kind == CACHECORE_INT) came.fence = pair.value.as.integer;
  }
  return came;
}

// Waits for a completion.
cachecore_completion next_completion(cachecore_completions *queue) {
  cachecore_completion completion;
  pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
  while (cachecore_completions_drain(queue, &completion, 1) == 0) {
    if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("a completion does not come");
  }
  return completion;
}

}  // namespace

cachecore_value text(std::string_view bytes) { return cachecore_bytes(bytes.data(), bytes.size()); }
cachecore_value number(int64_t integer) { return cachecore_int(integer); }

std::vector<cachecore_value> arguments(const wish &wanted) {
  return {text(wanted.name),
          number(wanted.lease_ms),
          number(wanted.wait_ms),
          text(wanted.mode),
          wanted.permits > 0 ? number(wanted.permits) : cachecore_nil(),
          wanted.owner.empty() ? cachecore_nil() : text(wanted.owner),
          cachecore_bool(wanted.renew ? 1 : 0),
          wanted.max_hold_ms > 0 ? number(wanted.max_hold_ms) : cachecore_nil()};
}

lock_core::lock_core(const char *url, const char *config, const char *key_prefix) {
  cachecore_options options;
  cachecore_options_init(&options);
  const char *const plugins[] = {"lock", nullptr};
  const std::string json = std::string(R"({"plugins": {"lock": )") + (config == nullptr ? "{}" : config) + "}}";
  options.url = url;
  options.plugins = plugins;
  options.config_json = json.c_str();
  options.key_prefix = key_prefix;
  options.call_timeout_ms = test_patience_ms();
  cachecore_error error;
  require_ok(cachecore_init(&options, &core_, &error), "init", error);
}

lock_core::~lock_core() { cachecore_close(core_); }

outcome lock_core::call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms) const {
  cachecore_result *result = nullptr;
  cachecore_error error;
  const cachecore_status status =
      cachecore_call(core_, find(core_, method), args.data(), args.size(), timeout_ms, &result, &error);
  outcome came = read_outcome(status, result, error.message);
  cachecore_result_free(result);
  return came;
}

outcome lock_core::acquire(const wish &wanted, int64_t timeout_ms) const {
  return call("acquire", arguments(wanted), timeout_ms);
}

outcome lock_core::must_acquire(const wish &wanted) const {
  outcome came = acquire(wanted);
  if (!came.ok()) test_die("%s: %s", cachecore_status_name(came.status), came.message.c_str());
  return came;
}

cachecore_status lock_core::release(const std::string &lock) const { return call("release", {text(lock)}).status; }

void lock_core::must_release(const std::string &lock) const {
  const outcome came = call("release", {text(lock)});
  if (!came.ok()) test_die("%s: %s", cachecore_status_name(came.status), came.message.c_str());
}

outcome lock_core::status(const std::string &name) const { return call("status", {text(name)}); }

void lock_core::wait_for_status(const std::string &name, const std::string &part) const {
  if (!eventually([&] { return status(name).answer.find(part) != std::string::npos; })) {
    test_die("lock.status of %s never has \"%s\": %s", name.c_str(), part.c_str(), status(name).answer.c_str());
  }
}

pending::pending(const lock_core &core, const wish &wanted, int64_t timeout_ms) : core_(core) {
  cachecore_error error;
  require_ok(cachecore_completions_create(core.handle(), &queue_, &error), "completions", error);
  const std::vector<cachecore_value> args = arguments(wanted);
  require_ok(cachecore_submit(core.handle(), find(core.handle(), "acquire"), args.data(), args.size(), timeout_ms,
                              queue_, 0, &operation_, &error),
             "submit", error);
}

pending::~pending() { abandon(); }

bool pending::ended() const {
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  return ::poll(&readable, 1, 0) == 1;
}

outcome pending::wait() {
  const cachecore_completion completion = next_completion(queue_);
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

watcher::watcher(const lock_core &core, const std::string &lock) {
  cachecore_error error;
  require_ok(cachecore_completions_create(core.handle(), &queue_, &error), "completions", error);
  const cachecore_value arg = text(lock);
  require_ok(cachecore_submit(core.handle(), find(core.handle(), "watch"), &arg, 1, -1, queue_, 0, nullptr, &error),
             "submit", error);
}

watcher::~watcher() { cachecore_completions_destroy(queue_); }

std::string watcher::next() {
  const cachecore_completion completion = next_completion(queue_);
  std::string came = std::string("(") + cachecore_status_name(completion.status) + ")";
  if (completion.status == CACHECORE_OK) {
    came = (completion.flags & CACHECORE_COMPLETION_MORE) == 0 ? "(end)"
                                                               : show(*cachecore_result_value(completion.result));
  }
  cachecore_result_free(completion.result);
  return came;
}

std::string watcher::poll() {
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  return ::poll(&readable, 1, 0) == 1 ? next() : "";
}

std::string redis(const test_server *server, const std::string &command) {
  char *reply = test_command_text(server, command.c_str());
  std::string copy(reply);
  free(reply);
  return copy;
}

int64_t calls_of(const test_server *server, const std::string &command) {
  const std::string all = redis(server, "INFO commandstats");
  const std::string label = "cmdstat_" + command + ":calls=";
  const size_t at = all.find(label);
  return at == std::string::npos ? 0 : std::stoll(all.substr(at + label.size()));
}

int64_t all_calls(const test_server *server) {
  const std::string all = redis(server, "INFO commandstats");
  int64_t sum = 0;
  for (size_t at = all.find("cmdstat_"); at != std::string::npos; at = all.find("cmdstat_", at + 1)) {
    if (all.compare(at, 13, "cmdstat_info:") == 0) continue;
    sum += std::stoll(all.substr(all.find("calls=", at) + 6));
  }
  return sum;
}

bool eventually(const std::function<bool()> &holds) {
  return test_wait_until([](void *asked) { return (*static_cast<const std::function<bool()> *>(asked))() ? 1 : 0; },
                         const_cast<std::function<bool()> *>(&holds), test_patience_ms()) != 0;
}

bool is_long() {
  const char *length = std::getenv("CACHECORE_TEST_LENGTH");
  return length != nullptr && std::string_view(length) == "long";
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

void assert_text(const std::string &actual, const char *expected) { assert_string_equal(actual.c_str(), expected); }

void assert_contains(const std::string &actual, const char *part) {
  const bool found = actual.find(part) != std::string::npos;
  if (!found) print_error("\"%s\" does not contain \"%s\"\n", actual.c_str(), part);
  assert_true(found);
}

void assert_failed(const outcome &came, cachecore_status status, const char *part) {
  if (came.status != status) print_error("%s: %s\n", cachecore_status_name(came.status), came.message.c_str());
  assert_int_equal(came.status, status);
  assert_contains(came.message, "lock.");
  assert_contains(came.message, part);
}

}  // namespace lock_test
