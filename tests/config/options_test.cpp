// The options struct: its defaults, what its fields may be, and programs compiled with another version of it.

#include <array>
#include <cstddef>
#include <cstring>

#include "tests/config/loading.h"

namespace {

using cachecore_internal::configuration;
using cachecore_internal::load_configuration;
using loading::rejection_of;

cachecore_options defaults() {
  cachecore_options out;
  cachecore_options_init(&out);
  return out;
}

std::string rejection(const cachecore_options &given) {
  return rejection_of([&] { load_configuration(&given); });
}

void init_writes_no_more_than_its_size(void ** /*state*/) {
  for (size_t size = 0; size <= 2 * sizeof(cachecore_options); size += 4) {
    alignas(cachecore_options) std::array<unsigned char, 2 * sizeof(cachecore_options) + 16> memory{};
    memory.fill(0xA5);
    cachecore_options_init_sized(reinterpret_cast<cachecore_options *>(memory.data()), size);
    size_t written = 0;
    if (size >= sizeof(written)) std::memcpy(&written, memory.data(), sizeof(written));
    assert_int_equal(written, size >= sizeof(written) ? size : 0);
    for (size_t i = sizeof(size_t); i < size; i++) assert_int_equal(memory.at(i), 0);
    for (size_t i = size; i < memory.size(); i++) assert_int_equal(memory.at(i), 0xA5);
  }
  cachecore_options_init_sized(nullptr, sizeof(cachecore_options));
}

void no_options_and_default_options_are_the_same(void ** /*state*/) {
  const cachecore_options given = defaults();
  assert_int_equal(given.struct_size, sizeof(cachecore_options));
  for (const configuration &read : {load_configuration(nullptr), load_configuration(&given)}) {
    assert_true(read.server_is_default);
    assert_text(read.server.display(), "embedded://");
    assert_true(read.all_built_in);
    assert_int_equal(read.max_connections, 20);
    assert_int_equal(read.connect_timeout_ms, 2000);
    assert_int_equal(read.call_timeout_ms, 5000);
    assert_int_equal(read.busy_poll_us, 0);
    assert_false(read.ping_on_init);
    assert_null(read.log);
  }
}

void every_field_is_read(void ** /*state*/) {
  const auto log = [](void * /*context*/, int32_t /*level*/, const char * /*message*/) {};
  const char *const names[] = {"kv", "/opt/p/cachecore_x.so", nullptr};
  int context = 0;
  cachecore_options given = defaults();
  given.url = "redis://h";
  given.plugins = names;
  given.plugin_path = "/p:/q";
  given.key_prefix = "a:";
  given.max_connections = 1;
  given.connect_timeout_ms = 2;
  given.call_timeout_ms = -1;
  given.busy_poll_us = 4;
  given.log = log;
  given.log_context = &context;
  given.ping_on_init = -7;
  const configuration read = load_configuration(&given);
  assert_text(read.server.display(), "redis://h:6379/0");
  assert_int_equal(read.plugins.size(), 2);
  assert_text(read.plugins[1].name_or_path, "/opt/p/cachecore_x.so");
  assert_false(read.all_built_in);
  assert_int_equal(read.plugin_path.size(), 2);
  assert_text(read.key_prefix, "a:");
  assert_int_equal(read.max_connections, 1);
  assert_int_equal(read.connect_timeout_ms, 2);
  assert_int_equal(read.call_timeout_ms, -1);
  assert_int_equal(read.busy_poll_us, 4);
  assert_true(read.log == log);
  assert_ptr_equal(read.log_context, &context);
  assert_true(read.ping_on_init);
}

void an_empty_list_of_plugins_loads_none(void ** /*state*/) {
  const char *const none[] = {nullptr};
  cachecore_options given = defaults();
  given.plugins = none;
  const configuration read = load_configuration(&given);
  assert_false(read.all_built_in);
  assert_int_equal(read.plugins.size(), 0);
}

void a_wrong_field_is_named(void ** /*state*/) {
  const auto with = [](auto change) {
    cachecore_options given = defaults();
    change(given);
    return rejection(given);
  };
  static const char *const twice[] = {"kv", "kv", nullptr};
  static const char *const relative[] = {"./kv.so", nullptr};
  assert_contains(with([](cachecore_options &o) { o.url = "nope://x"; }),
                  "options: url has an unknown scheme \"nope\"");
  assert_contains(with([](cachecore_options &o) { o.url = ""; }), "options: url is empty");
  assert_contains(with([](cachecore_options &o) { o.config_json = ""; }), "config_json: line 1, column 1");
  assert_contains(with([](cachecore_options &o) { o.config_file = ""; }), "config_file: the path is empty");
  assert_contains(with([](cachecore_options &o) { o.plugins = twice; }),
                  "options.plugins names the plugin \"kv\" twice");
  assert_contains(with([](cachecore_options &o) { o.plugins = relative; }), "options.plugins takes plugin names");
  assert_contains(with([](cachecore_options &o) { o.plugin_path = "p"; }),
                  "options.plugin_path takes absolute directories");
  assert_contains(with([](cachecore_options &o) { o.key_prefix = "a\tb"; }), "options.key_prefix must not contain");
  assert_contains(with([](cachecore_options &o) { o.max_connections = -1; }),
                  "options.max_connections must be a whole number from 1");
  assert_contains(with([](cachecore_options &o) { o.max_connections = INT64_MAX; }), "got 9223372036854775807");
  assert_contains(with([](cachecore_options &o) { o.connect_timeout_ms = -1; }), "options.connect_timeout_ms must be");
  assert_contains(with([](cachecore_options &o) { o.call_timeout_ms = -2; }), "options.call_timeout_ms must be");
  assert_contains(with([](cachecore_options &o) { o.busy_poll_us = INT64_MIN; }), "got -9223372036854775808");
  assert_contains(with([](cachecore_options &o) { o.reserved = 1; }),
                  "options.reserved must be 0: call cachecore_options_init first");
}

void a_struct_nobody_initialised_is_noticed(void ** /*state*/) {
  for (const size_t size :
       {size_t{0}, size_t{1}, sizeof(size_t), sizeof(cachecore_options) + 1, size_t{4104}, SIZE_MAX, SIZE_MAX - 7}) {
    cachecore_options given = defaults();
    given.struct_size = size;
    const std::string message = rejection(given);
    assert_contains(message, "options.struct_size is " + std::to_string(size));
    assert_contains(message, "call cachecore_options_init first");
  }
}

// Fields behind struct_size are memory that is not the caller's to lend: what stands there must not be looked at.
void an_older_programs_struct_is_read_up_to_its_size(void ** /*state*/) {
  const size_t ends[] = {offsetof(cachecore_options, config_json), offsetof(cachecore_options, plugin_path),
                         offsetof(cachecore_options, max_connections), offsetof(cachecore_options, call_timeout_ms),
                         offsetof(cachecore_options, ping_on_init)};
  for (const size_t end : ends) {
    cachecore_options given;
    std::memset(static_cast<void *>(&given), 0xA5, sizeof(given));
    cachecore_options_init_sized(&given, end);
    given.url = "redis://h";
    const configuration read = load_configuration(&given);
    assert_text(read.server.display(), "redis://h:6379/0");
    assert_int_equal(read.call_timeout_ms, 5000);
    assert_false(read.ping_on_init);
  }
}

struct newer_options {
  cachecore_options known;
  const char *unknown;
};

void a_newer_programs_struct_is_taken_unless_it_says_something_unknown(void ** /*state*/) {
  newer_options given;
  cachecore_options_init_sized(&given.known, sizeof(given));
  given.known.url = "redis://h";
  assert_text(load_configuration(&given.known).server.display(), "redis://h:6379/0");
  given.unknown = "x";
  assert_contains(rejection_of([&] { load_configuration(&given.known); }), "compiled for a newer one");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(init_writes_no_more_than_its_size),
      cmocka_unit_test(no_options_and_default_options_are_the_same),
      cmocka_unit_test(every_field_is_read),
      cmocka_unit_test(an_empty_list_of_plugins_loads_none),
      cmocka_unit_test(a_wrong_field_is_named),
      cmocka_unit_test(a_struct_nobody_initialised_is_noticed),
      cmocka_unit_test(an_older_programs_struct_is_read_up_to_its_size),
      cmocka_unit_test(a_newer_programs_struct_is_taken_unless_it_says_something_unknown),
  };
  return cmocka_run_group_tests(tests, loading::clear_environment, nullptr);
}
