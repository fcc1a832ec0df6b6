// Values in Redis: compressed, encrypted, under keys that change.

#include <cstdlib>

#include "cache_core.h"
#include "groups.h"
#include "tests/support/unit.h"

namespace {

using namespace cache_test;

constexpr const char *old_key = R"({"encryption_keys": {"2025": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}})";
constexpr const char *both_keys =
    R"({"encryption_keys": {"2025": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                            "2026": "HwEeAh0DHAQbBRoGGQcYCBcJFgoVCxQMEw0SDhEPEAA="}})";
constexpr const char *new_key = R"({"encryption_keys": {"2026": "HwEeAh0DHAQbBRoGGQcYCBcJFgoVCxQMEw0SDhEPEAA="}})";

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

std::string entry_of(const char *key) { return keys_of(server, std::string("*:e:r:") + key).at(0); }
int64_t stored_size(const char *key) { return test_command_integer(server, ("STRLEN " + entry_of(key)).c_str()); }

void set(const cache_core &core, const char *key, const std::string &value) {
  core.ok("set", {text("r"), text(key), text(value)});
}

std::string get(const cache_core &core, const char *key) {
  const outcome came = core.call("get", {text("r"), text(key)});
  return came.status == CACHECORE_OK ? came.answer : cachecore_status_name(came.status);
}

void large_values_are_compressed(void **) {
  const cache_core core(test_server_url(server));
  const cache_core other(test_server_url(server));
  core.define("r", {{"compress_above", number(100)}});
  const std::string large(10'000, 'x');
  set(core, "large", large);
  set(core, "small", std::string(100, 'x'));
  std::string noise;
  uint32_t state = 1;
  for (int i = 0; i < 200; i++) noise += static_cast<char>('!' + (state = state * 1664525 + 1013904223) % 90);
  set(core, "noise", noise);
  assert_in_range(stored_size("large"), 50, 300);
  assert_int_equal(stored_size("small"), 50 + 100);
  assert_in_range(stored_size("noise"), 50 + 150, 50 + 200);
  for (const cache_core *each : {&core, &other}) {
    assert_text(get(*each, "large"), large.c_str());
    assert_text(get(*each, "noise"), noise.c_str());
  }
}

void values_are_encrypted(void **) {
  const cache_core core(test_server_url(server), old_key);
  const cache_core without(test_server_url(server));
  core.define("r", {{"encrypt", text("2025")}, {"compress_above", number(50)}});
  set(core, "k", "the secret");
  core.ok("store", {text(core.must_load("r", "loaded")), text(std::string(1'000, 's'))});
  assert_text(get(core, "k"), "the secret");
  assert_text(get(core, "loaded"), std::string(1'000, 's').c_str());
  char *stored = test_command_text(server, "GETRANGE %s 50 -1", entry_of("k").c_str());
  assert_true(std::string(stored).find("secret") == std::string::npos);
  free(stored);
  assert_true(stored_size("loaded") < 400);
  // Who has not the key does not read it, and loads.
  assert_text(get(without, "k"), "NOT_FOUND");
  assert_true(without.figure("r", "unreadable") > 0);
  without.fail(without.must_load("r", "k"), "enough");
  // What does not exist is not told from what does.
  core.ok("set", {text("r"), text("nobody"), cachecore_nil()});
  assert_text(get(core, "nobody"), "nil");
}

void a_seal_belongs_to_its_key(void **) {
  const cache_core core(test_server_url(server), old_key);
  core.define("r", {{"encrypt", text("2025")}});
  set(core, "mine", "mine");
  set(core, "yours", "yours");
  // Another's value under my key, a changed byte, and a value that nobody sealed.
  assert_text(redis(server, "COPY " + entry_of("yours") + " " + entry_of("mine") + " REPLACE"), "1");
  assert_text(get(core, "mine"), "NOT_FOUND");
  set(core, "mine", "mine");
  assert_int_equal(test_command_integer(server, ("SETRANGE " + entry_of("mine") + " 70 ~").c_str()),
                   stored_size("mine"));
  assert_text(get(core, "mine"), "NOT_FOUND");
  const cache_core careless(test_server_url(server));
  set(careless, "mine", "forged");
  assert_text(get(careless, "mine"), "forged");
  assert_text(get(core, "mine"), "NOT_FOUND");
}

void keys_are_rotated(void **) {
  const cache_core before(test_server_url(server), old_key);
  const cache_core during(test_server_url(server), both_keys);
  const cache_core after(test_server_url(server), new_key);
  before.define("r", {{"encrypt", text("2025")}});
  during.define("r", {{"encrypt", text("2026")}});
  after.define("r", {{"encrypt", text("2026")}});
  set(before, "old", "old");
  set(during, "new", "new");
  assert_text(get(during, "old"), "old");
  assert_text(get(during, "new"), "new");
  assert_text(get(after, "new"), "new");
  assert_text(get(after, "old"), "NOT_FOUND");
  assert_text(get(before, "new"), "NOT_FOUND");
}

void wrong_keys_are_refused_and_not_shown(void **) {
  for (const char *config : {R"({"encryption_keys": {"k": "c2hvcnQ="}})", R"({"encryption_keys": {"k": 1}})",
                             R"({"encryption_keys": {"": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}})",
                             R"({"encryption_keys": {"k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="}})"}) {
    cachecore_options options;
    cachecore_options_init(&options);
    const char *const plugins[] = {"cache", nullptr};
    const std::string json = std::string(R"({"plugins": {"cache": )") + config + "}}";
    options.url = test_server_url(server);
    options.plugins = plugins;
    options.config_json = json.c_str();
    cachecore_handle *core = nullptr;
    cachecore_error error;
    assert_int_equal(cachecore_init(&options, &core, &error), CACHECORE_INVALID_ARGUMENT);
    assert_contains(error.message, "encryption_keys");
    assert_true(std::string(error.message).find("c2hvcnQ") == std::string::npos);
  }
}

}  // namespace

int sealing_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(large_values_are_compressed, empty),
      cmocka_unit_test_setup(values_are_encrypted, empty),
      cmocka_unit_test_setup(a_seal_belongs_to_its_key, empty),
      cmocka_unit_test_setup(keys_are_rotated, empty),
      cmocka_unit_test_setup(wrong_keys_are_refused_and_not_shown, empty),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
