// Policies: how long what is cached, and what define refuses.

#include <set>

#include "cache_core.h"
#include "groups.h"
#include "tests/support/unit.h"

namespace {

using namespace cache_test;

test_server *server;

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  return 0;
}

int stop(void **) {
  test_server_stop(server);
  return 0;
}

int empty(void **) {
  assert_text(redis(server, "FLUSHALL"), "OK");
  return 0;
}

// Loads and stores a value, and waits until its ttl has passed.
void store_and_outlive(const cache_core &core, const char *region, const char *key, const char *value) {
  assert_true(core.store(core.must_load(region, key), value));
  struct asked {
    const cache_core *core;
    const char *region;
    const char *key;
  } context{&core, region, key};
  assert_true(test_wait_until(
      [](void *given) {
        const auto *ask = static_cast<const asked *>(given);
        return ask->core->call("get", {text(ask->region), text(ask->key)}).status == CACHECORE_NOT_FOUND ? 1 : 0;
      },
      &context, test_patience_ms()));
}

int64_t time_left(const std::string &pattern) {
  return test_command_integer(server, ("PTTL " + keys_of(server, pattern).at(0)).c_str());
}

void a_ttl_ends(void **) {
  const cache_core core(test_server_url(server));
  core.define("short", {{"ttl_ms", number(30)}});
  store_and_outlive(core, "short", "k", "value");
  const outcome came = core.lookup("short", "k");
  assert_found(came, "load", "nil");
  assert_false(came.has_age);
  core.fail(came.lease, "enough");
}

void a_ttl_of_the_store_is_used_instead(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"ttl_ms", number(1'000'000)}});
  core.ok("store", {text(core.must_load("r", "k")), text("value"), number(5'000)});
  assert_in_range(time_left("cache:*:e:r:k"), 1, 5'000);
  core.ok("set", {text("r"), text("k"), text("value"), number(7'000)});
  assert_in_range(time_left("cache:*:e:r:k"), 5'001, 7'000);
}

void one_loads_while_the_others_get_the_stale_value(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"ttl_ms", number(20)}, {"stale_ms", number(600'000)}});
  store_and_outlive(core, "r", "k", "old");
  const outcome loads = core.lookup("r", "k");
  assert_found(loads, "load", "old");
  assert_true(loads.has_age);
  assert_true(loads.age_ms >= 20);
  const outcome other = core.lookup("r", "k");
  assert_found(other, "stale", "old");
  assert_true(other.age_ms >= 20);
  assert_text(other.lease, "");
  assert_int_equal(core.figure("r", "stale"), 1);

  // A loader that fails leaves the stale value as it is.
  core.fail(loads.lease, "the database is away");
  const outcome again = core.lookup("r", "k");
  assert_found(again, "load", "old");
  assert_found(core.lookup("r", "k"), "stale", "old");
  core.define("r", {{"ttl_ms", number(600'000)}});
  assert_true(core.store(again.lease, "new"));
  assert_found(core.lookup("r", "k"), "hit", "new");
}

void what_does_not_exist_is_cached(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"ttl_ms", number(600'000)}, {"negative_ttl_ms", number(5'000)}});
  assert_int_equal(core.call("get", {text("r"), text("k")}).status, CACHECORE_NOT_FOUND);
  assert_text(core.ok("store", {text(core.must_load("r", "k")), cachecore_nil()}).answer, "true");
  assert_found(core.lookup("r", "k"), "hit", "nil");
  const outcome got = core.call("get", {text("r"), text("k")});
  assert_int_equal(got.status, CACHECORE_OK);
  assert_text(got.answer, "nil");
  assert_in_range(time_left("cache:*:e:r:k"), 1, 5'000);

  // Without a negative_ttl_ms it is 30 seconds, and never longer than the ttl.
  core.define("usual", {{"ttl_ms", number(600'000)}});
  core.ok("store", {text(core.must_load("usual", "k")), cachecore_nil()});
  assert_in_range(time_left("cache:*:e:usual:k"), 1, 30'000);
  core.define("short", {{"ttl_ms", number(9'000)}});
  core.ok("store", {text(core.must_load("short", "k")), cachecore_nil()});
  assert_in_range(time_left("cache:*:e:short:k"), 1, 9'000);
}

void what_does_not_exist_is_not_cached_with_0(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"negative_ttl_ms", number(0)}});
  const std::string lease = core.must_load("r", "k");
  pending waits(core, "r", "k");
  core.wait_for_waiting("r", 1);
  assert_text(core.ok("store", {text(lease), cachecore_nil()}).answer, "false");
  assert_found(waits.wait(), "hit", "nil");
  core.fail(core.must_load("r", "k"), "enough");
  // Set removes what was there.
  core.ok("set", {text("r"), text("k"), text("value")});
  core.ok("set", {text("r"), text("k"), cachecore_nil()});
  assert_int_equal(core.call("get", {text("r"), text("k")}).status, CACHECORE_NOT_FOUND);
}

void jitter_shortens_ttls_within_its_bounds(void **) {
  constexpr int64_t ttl_ms = 1'000'000;
  const cache_core core(test_server_url(server));
  core.define("r", {{"ttl_ms", number(ttl_ms)}, {"jitter", cachecore_double(0.25)}});
  std::set<int64_t> seen;
  for (int i = 0; i < 200; i++) core.ok("set", {text("r"), text(std::to_string(i)), text("value")});
  for (const std::string &key : keys_of(server, "cache:*:e:r:*")) {
    const int64_t left = test_command_integer(server, ("PTTL " + key).c_str());
    assert_in_range(left, ttl_ms * 3 / 4 - test_patience_ms(), ttl_ms);
    seen.insert(left / (ttl_ms / 40));
  }
  // 200 draws over ten parts of the range.
  assert_true(seen.size() >= 8);
}

void bytes_only_takes_bytes(void **) {
  const cache_core core(test_server_url(server));
  core.define("r", {{"codec", text("bytes")}});
  const std::string lease = core.must_load("r", "k");
  assert_failed(core.call("store", {text(lease), number(5)}), CACHECORE_INVALID_ARGUMENT, "value must be BYTES");
  // The lease is still there.
  assert_true(core.store(lease, "value"));
  assert_failed(core.call("set", {text("r"), text("k"), number(5)}), CACHECORE_INVALID_ARGUMENT, "value must be BYTES");
}

void the_configuration_gives_the_defaults(void **) {
  const cache_core core(test_server_url(server), R"({"defaults": {"ttl_ms": 4000, "negative_ttl_ms": 2000}})");
  core.store(core.must_load("r", "k"), "value");
  assert_in_range(time_left("cache:*:e:r:k"), 1, 4'000);
  core.define("defined", {{"ttl_ms", number(600'000)}});
  core.ok("store", {text(core.must_load("defined", "k")), cachecore_nil()});
  assert_in_range(time_left("cache:*:e:defined:k"), 1, 2'000);
}

cachecore_status init_with(const char *config, cachecore_error *error) {
  cachecore_options options;
  cachecore_options_init(&options);
  const char *const plugins[] = {"cache", nullptr};
  const std::string json = std::string(R"({"plugins": {"cache": )") + config + "}}";
  options.url = test_server_url(server);
  options.plugins = plugins;
  options.config_json = json.c_str();
  cachecore_handle *core = nullptr;
  const cachecore_status status = cachecore_init(&options, &core, error);
  cachecore_close(core);
  return status;
}

void wrong_configurations_are_refused(void **) {
  cachecore_error error;
  const std::pair<const char *, const char *> cases[] = {{R"({"default": {}})", "default"},
                                                         {R"({"defaults": {"tll_ms": 5}})", "tll_ms"},
                                                         {R"({"defaults": {"ttl_ms": 0}})", "ttl_ms"},
                                                         {R"({"defaults": {"jitter": 2}})", "jitter"},
                                                         {R"({"redis_timeout_ms": 0})", "redis_timeout_ms"},
                                                         {R"({"redis_timeout_ms": "long"})", "redis_timeout_ms"}};
  for (const auto &[config, part] : cases) {
    assert_int_equal(init_with(config, &error), CACHECORE_INVALID_ARGUMENT);
    assert_contains(error.message, part);
  }
}

void wrong_policies_are_refused(void **) {
  const cache_core core(test_server_url(server));
  const auto define = [&](const char *field, cachecore_value given) {
    const cachecore_pair pair{text(field), given};
    return core.call("define", {text("r"), cachecore_map(&pair, 1)});
  };
  assert_failed(define("tll_ms", number(5)), CACHECORE_INVALID_ARGUMENT, "tll_ms");
  assert_failed(define("ttl_ms", number(0)), CACHECORE_INVALID_ARGUMENT, "policy.ttl_ms");
  assert_failed(define("ttl_ms", number(INT64_MAX)), CACHECORE_INVALID_ARGUMENT, "policy.ttl_ms");
  assert_failed(define("ttl_ms", text("long")), CACHECORE_INVALID_ARGUMENT, "policy.ttl_ms");
  assert_failed(define("jitter", cachecore_double(1.5)), CACHECORE_INVALID_ARGUMENT, "policy.jitter");
  assert_failed(define("jitter", cachecore_double(-0.5)), CACHECORE_INVALID_ARGUMENT, "policy.jitter");
  assert_failed(define("stale_ms", number(-1)), CACHECORE_INVALID_ARGUMENT, "policy.stale_ms");
  assert_failed(define("load_timeout_ms", number(0)), CACHECORE_INVALID_ARGUMENT, "policy.load_timeout_ms");
  assert_failed(define("codec", text("xml")), CACHECORE_INVALID_ARGUMENT, "policy.codec");
  for (const char *later : {"template"}) {
    // What a later version will take is not taken silently by this one.
    assert_failed(define(later, number(1)), CACHECORE_INVALID_ARGUMENT, later);
  }
  const auto define_bloom = [&](int64_t capacity, double rate) {
    const cachecore_pair pairs[] = {{text("capacity"), number(capacity)}, {text("error_rate"), cachecore_double(rate)}};
    return define("bloom", cachecore_map(pairs, 2));
  };
  assert_failed(define_bloom(0, 0.01), CACHECORE_INVALID_ARGUMENT, "capacity");
  assert_failed(define_bloom(1, 0), CACHECORE_INVALID_ARGUMENT, "policy.bloom.error_rate");
  assert_failed(define_bloom(1, 1), CACHECORE_INVALID_ARGUMENT, "policy.bloom.error_rate");
  assert_failed(define_bloom(INT64_MAX, 0.01), CACHECORE_INVALID_ARGUMENT, "policy.bloom.capacity");
  assert_failed(define("eager", cachecore_double(-1)), CACHECORE_INVALID_ARGUMENT, "policy.eager");
  assert_failed(define("eager", cachecore_double(1001)), CACHECORE_INVALID_ARGUMENT, "policy.eager");
  assert_failed(define("distributed", number(1)), CACHECORE_INVALID_ARGUMENT, "policy.distributed");
  assert_failed(define("outage_ttl_ms", number(-1)), CACHECORE_INVALID_ARGUMENT, "policy.outage_ttl_ms");
  assert_failed(define("compress_above", number(-1)), CACHECORE_INVALID_ARGUMENT, "policy.compress_above");
  assert_failed(define("encrypt", text("2026")), CACHECORE_INVALID_ARGUMENT, "policy.encrypt");
  const auto define_l1 = [&](const char *field, cachecore_value given) {
    const cachecore_pair pair{text(field), given};
    return define("l1", cachecore_map(&pair, 1));
  };
  assert_failed(define_l1("max_byte", number(1)), CACHECORE_INVALID_ARGUMENT, "max_byte");
  assert_failed(define_l1("max_bytes", number(65'535)), CACHECORE_INVALID_ARGUMENT, "l1.max_bytes");
  assert_failed(define_l1("max_stale_ms", number(0)), CACHECORE_INVALID_ARGUMENT, "l1.ttl_ms");
  const cachecore_value no_tag = text("");
  assert_failed(define("tags", cachecore_list(&no_tag, 1)), CACHECORE_INVALID_ARGUMENT, "policy.tags");
  const std::string lease = core.must_load("r", "k");
  assert_int_equal(core.call("store", {text(lease), text("v"), number(0)}).status, CACHECORE_INVALID_ARGUMENT);
  assert_failed(core.call("store", {text(lease), text("v"), number(1), cachecore_list(&no_tag, 1)}),
                CACHECORE_INVALID_ARGUMENT, "tags");
  assert_true(core.store(lease, "v"));
  assert_failed(core.lookup("", "k"), CACHECORE_INVALID_ARGUMENT, "region");
  assert_failed(core.lookup("r", "a\nb"), CACHECORE_INVALID_ARGUMENT, "key");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_ttl_ends, empty),
      cmocka_unit_test_setup(a_ttl_of_the_store_is_used_instead, empty),
      cmocka_unit_test_setup(one_loads_while_the_others_get_the_stale_value, empty),
      cmocka_unit_test_setup(what_does_not_exist_is_cached, empty),
      cmocka_unit_test_setup(what_does_not_exist_is_not_cached_with_0, empty),
      cmocka_unit_test_setup(jitter_shortens_ttls_within_its_bounds, empty),
      cmocka_unit_test_setup(bytes_only_takes_bytes, empty),
      cmocka_unit_test_setup(the_configuration_gives_the_defaults, empty),
      cmocka_unit_test_setup(wrong_configurations_are_refused, empty),
      cmocka_unit_test_setup(wrong_policies_are_refused, empty),
  };
  return cmocka_run_group_tests(tests, start, stop) + keys_tests() + sealing_tests();
}
