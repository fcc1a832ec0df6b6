// Which source wins, for every setting and every pair of sources that can say it.

#include <cstdlib>
#include <vector>

#include "tests/config/loading.h"

namespace {

using cachecore_internal::configuration;

// From first to last.
enum source { options, config_json, config_file, process, first_env_file, second_env_file, source_count };

const char *const source_names[] = {"options", "config_json", "config_file", "environment", "env file 1", "env file 2"};

// One setting with two values that differ from each other and from the default, in the writing of each kind of source.
struct subject {
  const char *name;
  void (*set_option)(cachecore_options &out, int which);  // null: the struct has no such field
  const char *json[2];                                    // null: the JSON has no such key
  const char *variable;                                   // null: there is no such variable
  const char *text[2];
  std::string (*read)(const configuration &from);
  const char *result[2];
};

const char *const one[] = {"kv", nullptr};
const char *const two[] = {"cache", "kv", nullptr};

std::string joined(const std::vector<std::string> &parts) {
  std::string out;
  for (const std::string &part : parts) out += part + ";";
  return out;
}

const subject subjects[] = {
    {"url",
     [](cachecore_options &out, int which) { out.url = which == 0 ? "redis://a" : "redis://b/2"; },
     {R"("url": "redis://a")", R"("url": "redis://b/2")"},
     "CACHECORE_URL",
     {"redis://a", "redis://b/2"},
     [](const configuration &from) { return from.server.display(); },
     {"redis://a:6379/0", "redis://b:6379/2"}},
    {"host",
     nullptr,
     {R"("url": "redis://a")", R"("url": "redis://b")"},
     "REDIS_HOST",
     {"a", "b"},
     [](const configuration &from) { return from.server.display(); },
     {"redis://a:6379/0", "redis://b:6379/0"}},
    {"password in the url",
     [](cachecore_options &out, int which) { out.url = which == 0 ? "redis://:p@h" : "redis://:q@h"; },
     {R"("url": "redis://:p@h")", R"("url": "redis://:q@h")"},
     "CACHECORE_URL",
     {"redis://:p@h", "redis://:q@h"},
     [](const configuration &from) { return from.server.password; },
     {"p", "q"}},
    {"load",
     [](cachecore_options &out, int which) { out.plugins = which == 0 ? one : two; },
     {R"("load": ["kv"])", R"("load": ["cache", "kv"])"},
     nullptr,
     {},
     [](const configuration &from) {
       std::string out;
       for (const auto &plugin : from.plugins) out += plugin.name_or_path + ";";
       return out;
     },
     {"kv;", "cache;kv;"}},
    {"plugins",
     nullptr,
     {R"("plugins": {"kv": {"a": 1}})", R"("plugins": {"kv": {"a": 2}})"},
     nullptr,
     {},
     [](const configuration &from) { return from.plugin_configs.at("kv"); },
     {R"({"a": 1})", R"({"a": 2})"}},
    {"key_prefix",
     [](cachecore_options &out, int which) { out.key_prefix = which == 0 ? "a:" : "b:"; },
     {R"("key_prefix": "a:")", R"("key_prefix": "b:")"},
     nullptr,
     {},
     [](const configuration &from) { return from.key_prefix; },
     {"a:", "b:"}},
    {"max_connections",
     [](cachecore_options &out, int which) { out.max_connections = which == 0 ? 20 : 6; },
     {R"("max_connections": 20)", R"("max_connections": 6)"},
     "REDIS_MAX_CONNECTIONS",
     {"20", "6"},
     [](const configuration &from) { return std::to_string(from.max_connections); },
     {"20", "6"}},
    {"connect_timeout_ms",
     [](cachecore_options &out, int which) { out.connect_timeout_ms = which == 0 ? 2000 : 6; },
     {R"("connect_timeout_ms": 2000)", R"("connect_timeout_ms": 6)"},
     nullptr,
     {},
     [](const configuration &from) { return std::to_string(from.connect_timeout_ms); },
     {"2000", "6"}},
    {"call_timeout_ms",
     [](cachecore_options &out, int which) { out.call_timeout_ms = which == 0 ? -1 : 5000; },
     {R"("call_timeout_ms": -1)", R"("call_timeout_ms": 5000)"},
     nullptr,
     {},
     [](const configuration &from) { return std::to_string(from.call_timeout_ms); },
     {"-1", "5000"}},
    {"busy_poll_us",
     [](cachecore_options &out, int which) { out.busy_poll_us = which == 0 ? 5 : 6; },
     {R"("busy_poll_us": 5)", R"("busy_poll_us": 6)"},
     nullptr,
     {},
     [](const configuration &from) { return std::to_string(from.busy_poll_us); },
     {"5", "6"}},
    {"retry_on_timeout",
     nullptr,
     {R"("retry_on_timeout": true)", R"("retry_on_timeout": false)"},
     "REDIS_RETRY_ON_TIMEOUT",
     {"true", "false"},
     [](const configuration &from) { return std::to_string(int{from.retry_on_timeout}); },
     {"1", "0"}},
    {"decode_responses",
     nullptr,
     {R"("decode_responses": true)", R"("decode_responses": false)"},
     "REDIS_DECODE_RESPONSES",
     {"true", "false"},
     [](const configuration &from) { return std::to_string(int{from.decode_responses.value()}); },
     {"1", "0"}},
    {"ping_on_init",
     nullptr,
     {R"("ping_on_init": true)", R"("ping_on_init": false)"},
     nullptr,
     {},
     [](const configuration &from) { return std::to_string(int{from.ping_on_init}); },
     {"1", "0"}},
    {"password",
     nullptr,
     {R"("url": "redis://h", "password": "p")", R"("url": "redis://h", "password": "q")"},
     "REDIS_PASSWORD",
     {"p", "q"},
     [](const configuration &from) { return from.server.password; },
     {"p", "q"}},
    {"tls.ca_file",
     nullptr,
     {R"("url": "rediss://h", "tls": {"ca_file": "/a"})", R"("url": "rediss://h", "tls": {"ca_file": "/b"})"},
     nullptr,
     {},
     [](const configuration &from) { return from.tls.ca_file; },
     {"/a", "/b"}},
    {"embedded.fsync",
     nullptr,
     {R"("embedded": {"fsync": "always"})", R"("embedded": {"fsync": "no"})"},
     nullptr,
     {},
     [](const configuration &from) { return from.embedded_fsync; },
     {"always", "no"}},
    {"embedded.redis_server",
     nullptr,
     {R"("embedded": {"redis_server": "a"})", R"("embedded": {"redis_server": "/b"})"},
     nullptr,
     {},
     [](const configuration &from) { return from.redis_server; },
     {"a", "/b"}},
};

bool can_say(const subject &setting, int from) {
  if (from == options) return setting.set_option != nullptr;
  if (from == config_json || from == config_file) return setting.json[0] != nullptr;
  return setting.variable != nullptr;
}

// says[s]: which value source s gives, -1 for none.
std::string outcome(const subject &setting, const int (&says)[source_count]) {
  loading::clear_environment(nullptr);
  const loading::directory files;
  cachecore_options given;
  cachecore_options_init(&given);
  std::string json;
  std::string path;
  if (says[options] >= 0) setting.set_option(given, says[options]);
  if (says[config_json] >= 0) {
    json = std::string("{") + setting.json[says[config_json]] + "}";
    given.config_json = json.c_str();
  }
  if (says[config_file] >= 0) {
    path = files.file("config.json", std::string("{") + setting.json[says[config_file]] + "}");
    given.config_file = path.c_str();
  }
  if (says[process] >= 0) setenv(setting.variable, setting.text[says[process]], 1);
  std::string env_files;
  for (const int file : {first_env_file, second_env_file}) {
    std::string line;
    if (says[file] >= 0) line = std::string(setting.variable) + "=" + setting.text[says[file]] + "\n";
    env_files += files.file(source_names[file], line) + ":";
  }
  setenv("CACHECORE_ENV_FILES", env_files.c_str(), 1);
  return setting.read(cachecore_internal::load_configuration(&given));
}

void assert_outcome(const subject &setting, const int (&says)[source_count], int expected) {
  const std::string got = outcome(setting, says);
  if (got == setting.result[expected]) return;
  print_error("%s:", setting.name);
  for (int from = 0; from < source_count; from++) {
    if (says[from] >= 0) print_error(" %s says %s;", source_names[from], setting.result[says[from]]);
  }
  print_error(" the outcome is %s\n", got.c_str());
  _fail(__FILE__, __LINE__);
}

void every_source_alone_is_heard(void ** /*state*/) {
  for (const subject &setting : subjects) {
    for (int from = 0; from < source_count; from++) {
      for (int which = 0; can_say(setting, from) && which < 2; which++) {
        int says[source_count] = {-1, -1, -1, -1, -1, -1};
        says[from] = which;
        assert_outcome(setting, says, which);
      }
    }
  }
}

void of_two_sources_the_first_wins(void ** /*state*/) {
  int pairs = 0;
  for (const subject &setting : subjects) {
    for (int first = 0; first < source_count; first++) {
      for (int second = first + 1; second < source_count; second++) {
        if (!can_say(setting, first) || !can_say(setting, second)) continue;
        for (int which = 0; which < 2; which++) {
          int says[source_count] = {-1, -1, -1, -1, -1, -1};
          says[first] = which;
          says[second] = 1 - which;
          assert_outcome(setting, says, which);
          pairs++;
        }
      }
    }
  }
  assert_true(pairs > 200);
}

void of_all_sources_the_first_wins(void ** /*state*/) {
  for (const subject &setting : subjects) {
    for (int winner = 0; winner < source_count; winner++) {
      if (!can_say(setting, winner)) continue;
      int says[source_count] = {-1, -1, -1, -1, -1, -1};
      for (int from = winner; from < source_count; from++) says[from] = can_say(setting, from) ? 1 : -1;
      says[winner] = 0;
      assert_outcome(setting, says, 0);
    }
  }
}

void ping_on_init_of_the_struct_wins(void ** /*state*/) {
  cachecore_options given;
  cachecore_options_init(&given);
  given.config_json = R"({"ping_on_init": false})";
  assert_false(cachecore_internal::load_configuration(&given).ping_on_init);
  given.ping_on_init = 1;
  assert_true(cachecore_internal::load_configuration(&given).ping_on_init);
}

// Objects are merged: their keys are settings of their own.
void keys_of_objects_come_from_several_sources(void ** /*state*/) {
  const loading::directory files;
  const std::string path = files.file(
      "c",
      R"({"plugins": {"a": {"x": 2}, "b": {}}, "embedded": {"fsync": "no"}, "tls": {"ca_file": "/file", "verify": false}})");
  cachecore_options given;
  cachecore_options_init(&given);
  given.url = "rediss://h";
  given.config_json = R"({"plugins": {"a": {"x": 1}}, "embedded": {"redis_server": "r"}, "tls": {"ca_file": "/json"}})";
  given.config_file = path.c_str();
  const configuration read = cachecore_internal::load_configuration(&given);
  assert_text(read.plugin_configs.at("a"), R"({"x": 1})");
  assert_text(read.plugin_configs.at("b"), "{}");
  assert_text(read.embedded_fsync, "no");
  assert_text(read.redis_server, "r");
  assert_text(read.tls.ca_file, "/json");
  assert_false(read.tls.verify);
}

void the_environments_plugin_path_is_searched_after_the_programs(void ** /*state*/) {
  const loading::directory files;
  setenv("CACHECORE_PLUGIN_PATH", "/env:/both", 1);
  assert_text(joined(loading::load_environment().plugin_path), "/env;/both;");
  const std::string path = files.file("c", R"({"plugin_path": "/file"})");
  cachecore_options given;
  cachecore_options_init(&given);
  given.config_file = path.c_str();
  assert_text(joined(cachecore_internal::load_configuration(&given).plugin_path), "/file;/env;/both;");
  given.config_json = R"({"plugin_path": "/json"})";
  assert_text(joined(cachecore_internal::load_configuration(&given).plugin_path), "/json;/env;/both;");
  given.plugin_path = "/both:/options";
  assert_text(joined(cachecore_internal::load_configuration(&given).plugin_path), "/both;/options;/env;");
  // Of the environment's own sources the first wins.
  const std::string env_file = files.file("e", "CACHECORE_PLUGIN_PATH=/file\n");
  setenv("CACHECORE_ENV_FILES", env_file.c_str(), 1);
  assert_text(joined(loading::load_environment().plugin_path), "/env;/both;");
  unsetenv("CACHECORE_PLUGIN_PATH");
  assert_text(joined(loading::load_environment().plugin_path), "/file;");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(every_source_alone_is_heard, loading::clear_environment),
      cmocka_unit_test_setup(of_two_sources_the_first_wins, loading::clear_environment),
      cmocka_unit_test_setup(of_all_sources_the_first_wins, loading::clear_environment),
      cmocka_unit_test_setup(ping_on_init_of_the_struct_wins, loading::clear_environment),
      cmocka_unit_test_setup(keys_of_objects_come_from_several_sources, loading::clear_environment),
      cmocka_unit_test_setup(the_environments_plugin_path_is_searched_after_the_programs, loading::clear_environment),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
