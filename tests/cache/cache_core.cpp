#include "cache_core.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <latch>

#include "tests/plugins/show.h"
#include "tests/support/unit.h"

namespace cache_test {

namespace {

void require_ok(cachecore_status status, const char *what, const cachecore_error &error) {
  if (status != CACHECORE_OK) test_die("%s: %s: %s", what, cachecore_status_name(status), error.message);
}

const cachecore_method *find(cachecore_handle *core, const char *name) {
  const cachecore_method *found = nullptr;
  cachecore_error error;
  require_ok(cachecore_method_find(core, (std::string("cache.") + name).c_str(), &found, &error), name, error);
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
    if (name == "state") came.state = show(pair.value);
    if (name == "value") came.value = show(pair.value);
    if (name == "lease" && pair.value.kind == CACHECORE_BYTES) came.lease = show(pair.value);
    if (name == "age_ms" && pair.value.kind == CACHECORE_INT) {
      came.has_age = true;
      came.age_ms = pair.value.as.integer;
    }
  }
  return came;
}

}  // namespace

cachecore_value text(std::string_view bytes) { return cachecore_bytes(bytes.data(), bytes.size()); }
cachecore_value number(int64_t integer) { return cachecore_int(integer); }
cachecore_value truth(bool is) { return cachecore_bool(is ? 1 : 0); }

near_fields::near_fields(int64_t max_stale_ms, int64_t max_bytes, int64_t ttl_ms)
    : pairs{{text("max_stale_ms"), number(max_stale_ms)},
            {text("max_bytes"), number(max_bytes)},
            {text("ttl_ms"), number(ttl_ms)}} {}

bool until(const std::function<bool()> &holds) {
  const auto call = [](void *context) { return (*static_cast<const std::function<bool()> *>(context))() ? 1 : 0; };
  return test_wait_until(call, const_cast<std::function<bool()> *>(&holds), test_patience_ms()) != 0;
}

void until_near(const cache_core &core, const std::string &region, const std::string &key, const char *value) {
  const bool came = until([&] {
    const int64_t before = core.figure(region, "near_hits");
    const outcome found = core.lookup(region, key);
    if (!found.lease.empty()) core.fail(found.lease, "it is not there yet");
    return found.state == "hit" && found.value == value && core.figure(region, "near_hits") > before;
  });
  if (!came) test_die("%s of %s is never found near as %s", key.c_str(), region.c_str(), value);
}

cache_core::cache_core(const char *url, const char *config, const char *key_prefix) {
  cachecore_options options;
  cachecore_options_init(&options);
  const char *const plugins[] = {"cache", nullptr};
  const std::string json = std::string(R"({"plugins": {"cache": )") + (config == nullptr ? "{}" : config) + "}}";
  options.url = url;
  options.plugins = plugins;
  options.config_json = json.c_str();
  options.key_prefix = key_prefix;
  options.call_timeout_ms = test_patience_ms();
  cachecore_error error;
  require_ok(cachecore_init(&options, &core_, &error), "init", error);
}

cache_core::~cache_core() { cachecore_close(core_); }

outcome cache_core::call(const char *method, const std::vector<cachecore_value> &args, int64_t timeout_ms) const {
  cachecore_result *result = nullptr;
  cachecore_error error;
  const cachecore_status status =
      cachecore_call(core_, find(core_, method), args.data(), args.size(), timeout_ms, &result, &error);
  outcome came = read_outcome(status, result, error.message);
  cachecore_result_free(result);
  return came;
}

outcome cache_core::ok(const char *method, const std::vector<cachecore_value> &args) const {
  outcome came = call(method, args);
  if (came.status != CACHECORE_OK) test_die("%s: %s", cachecore_status_name(came.status), came.message.c_str());
  return came;
}

outcome cache_core::lookup(const std::string &region, const std::string &key, int64_t timeout_ms) const {
  return call("lookup", {text(region), text(key)}, timeout_ms);
}

std::string cache_core::must_load(const std::string &region, const std::string &key) const {
  const outcome came = lookup(region, key);
  if (came.state != "load") test_die("expected to be told to load: %s%s", came.answer.c_str(), came.message.c_str());
  return came.lease;
}

bool cache_core::store(const std::string &lease, const std::string &value) const {
  return ok("store", {text(lease), text(value)}).answer == "true";
}

void cache_core::fail(const std::string &lease, const std::string &message) const {
  ok("fail", {text(lease), text(message)});
}

void cache_core::define(const std::string &region,
                        const std::vector<std::pair<std::string, cachecore_value>> &fields) const {
  std::vector<cachecore_pair> pairs;
  pairs.reserve(fields.size());
  for (const auto &[name, value] : fields) pairs.push_back({text(name), value});
  ok("define", {text(region), cachecore_map(pairs.data(), pairs.size())});
}

int64_t cache_core::figure(const std::string &region, const char *name) const {
  const std::string all = ok("stats", {text(region)}).answer;
  const std::string label = std::string(name) + ": ";
  for (size_t at = all.find(label); at != std::string::npos; at = all.find(label, at + 1)) {
    if (all[at - 1] == '{' || all[at - 1] == ' ') return std::stoll(all.substr(at + label.size()));
  }
  test_die("cache.stats has no %s: %s", name, all.c_str());
}

void cache_core::wait_for_waiting(const std::string &region, int64_t count) const {
  struct wanted {
    const cache_core *core;
    const std::string *region;
    int64_t count;
  } context{this, &region, count};
  const int reached = test_wait_until(
      [](void *asked) {
        const auto *want = static_cast<const wanted *>(asked);
        return want->core->figure(*want->region, "waiting") == want->count ? 1 : 0;
      },
      &context, test_patience_ms());
  if (reached == 0)
    test_die("%d lookups wait, not %d", static_cast<int>(figure(region, "waiting")), static_cast<int>(count));
}

pending::pending(const cache_core &core, const std::string &region, const std::string &key, int64_t timeout_ms)
    : core_(core) {
  cachecore_error error;
  require_ok(cachecore_completions_create(core.handle(), &queue_, &error), "completions", error);
  const cachecore_value args[] = {text(region), text(key)};
  require_ok(cachecore_submit(core.handle(), find(core.handle(), "lookup"), args, 2, timeout_ms, queue_, 0, &operation_,
                              &error),
             "submit", error);
}

pending::~pending() { abandon(); }

bool pending::ended() {
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  return poll(&readable, 1, 0) == 1;
}

outcome pending::wait() {
  cachecore_completion completion;
  pollfd readable{cachecore_completions_fd(queue_), POLLIN, 0};
  while (cachecore_completions_drain(queue_, &completion, 1) == 0) {
    if (poll(&readable, 1, static_cast<int>(test_patience_ms())) <= 0) test_die("the lookup does not end");
  }
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

void assert_text(const std::string &actual, const char *expected) { assert_string_equal(actual.c_str(), expected); }

void assert_contains(const std::string &actual, const char *part) {
  const bool found = actual.find(part) != std::string::npos;
  if (!found) print_error("\"%s\" does not contain \"%s\"\n", actual.c_str(), part);
  assert_true(found);
}

void assert_failed(const outcome &came, cachecore_status status, const char *part) {
  if (came.status != status) print_error("%s: %s\n", cachecore_status_name(came.status), came.message.c_str());
  assert_int_equal(came.status, status);
  assert_contains(came.message, "cache.");
  assert_contains(came.message, part);
}

void assert_found(const outcome &came, const char *state, const char *value) {
  if (came.status != CACHECORE_OK) print_error("%s: %s\n", cachecore_status_name(came.status), came.message.c_str());
  assert_int_equal(came.status, CACHECORE_OK);
  assert_text(came.state, state);
  assert_text(came.value, value);
}

}  // namespace cache_test
