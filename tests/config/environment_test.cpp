// Variables of the process and of env files.

#include "core/config/environment.h"

#include <sys/stat.h>

#include <cstdlib>

#include "tests/config/loading.h"

namespace {

using namespace cachecore_internal;
using loading::assert_lacks;
using loading::load_environment;
using loading::load_json;
using loading::rejection_of;

std::string environment_rejection() {
  return rejection_of([] { load_environment(); });
}

// The value of X in a text, or "(none)".
std::string value_in(std::string_view text) {
  const auto found = read_env_text(text, "f");
  const auto entry = found.find("X");
  return entry == found.end() ? "(none)" : entry->second.value;
}

void env_text_is_read_as_a_shell_does(void ** /*state*/) {
  const std::pair<std::string_view, std::string_view> read[] = {
      {"X=1", "1"},
      {"X=1\n", "1"},
      {"X=1\r\n", "1"},
      {"\xef\xbb\xbfX=1", "1"},
      {"  X = 1 2  ", "1 2"},
      {"export X=1", "1"},
      {"export\tX=1", "1"},
      {"export=1\nX=2", "2"},
      {"#X=1", "(none)"},
      {"  # X=1\nX=2", "2"},
      {"X=1\nX=2", "2"},
      {"X=", ""},
      {"X=#1", ""},
      {"X=a#b", "a#b"},
      {"X=a #b", "a"},
      {"X='a #b'", "a #b"},
      {"X='a' # b", "a"},
      {"X=\"a #b\"", "a #b"},
      {"X='a\\n\"'", "a\\n\""},
      {R"(X="a\n\t\r\"\\\$b")", "a\n\t\r\"\\$b"},
      {"X=a'b", "a'b"},
      {"X=$HOME", "$HOME"},
      {"X=a=b", "a=b"},
      {"X=ENC(a/b+c==)", "ENC(a/b+c==)"},
      {"x.y-z=1\nX=2", "2"},
      {"\n\n\nX=2", "2"},
      {"Y=1", "(none)"},
      {"", "(none)"},
  };
  for (const auto &[text, value] : read) assert_text(value_in(text), value);
  assert_text(read_env_text("\nX=1", "f").at("X").origin, "f, line 2: X");
}

void a_malformed_line_is_named_and_not_quoted(void ** /*state*/) {
  const std::pair<std::string_view, const char *> wrong[] = {
      {"S3CRET", "f, line 1: not of the form NAME=value"},
      {"A=1\n\nS3CRET x", "f, line 3: not of the form NAME=value"},
      {"=S3CRET", "not of the form"},
      {"1X=S3CRET", "not of the form"},
      {"export =S3CRET", "not of the form"},
      {"X='S3CRET", "f, line 1: the quotation mark is not closed"},
      {"X=\"S3CRET\\\"", "not closed"},
      {"X=\"S3CRET\\", "unknown escape"},
      {"X=\"S3CRET\\q\"", "unknown escape"},
      {"X='S3CRET' y", "behind the closing quotation mark"},
      {std::string_view("X=S3CRET\0", 9), "NUL"},
  };
  for (const auto &[text, reason] : wrong) {
    const std::string message = rejection_of([malformed = text] { read_env_text(malformed, "f"); });
    assert_contains(message, reason);
    assert_lacks(message, "S3CRET");
  }
}

void redis_variables_form_a_url(void ** /*state*/) {
  setenv("REDIS_HOST", "cache", 1);
  assert_text(load_environment().server.display(), "redis://cache:6379/0");
  assert_false(load_environment().server_is_default);
  setenv("REDIS_PORT", "7000", 1);
  setenv("REDIS_DB", "3", 1);
  setenv("REDIS_PASSWORD", "S3CRET", 1);
  setenv("REDIS_MAX_CONNECTIONS", "5", 1);
  setenv("REDIS_RETRY_ON_TIMEOUT", "False", 1);
  setenv("REDIS_DECODE_RESPONSES", "true", 1);
  const auto read = load_environment();
  assert_text(read.server.display(), "redis://cache:7000/3");
  assert_text(read.server.password, "S3CRET");
  assert_int_equal(read.max_connections, 5);
  assert_false(read.retry_on_timeout);
  assert_true(read.decode_responses.value());
  setenv("REDIS_HOST", "[::1]", 1);
  assert_text(load_environment().server.display(), "redis://[::1]:7000/3");
  setenv("REDIS_HOST", "::1", 1);
  assert_text(load_environment().server.display(), "redis://[::1]:7000/3");
}

void each_redis_variable_alone_means_this_machine(void ** /*state*/) {
  const std::pair<const char *, const char *> alone[] = {
      {"REDIS_PORT", "7000"}, {"REDIS_DB", "2"}, {"REDIS_PASSWORD", "p"}};
  const char *const display[] = {"redis://127.0.0.1:7000/0", "redis://127.0.0.1:6379/2", "redis://127.0.0.1:6379/0"};
  for (size_t i = 0; i < 3; i++) {
    loading::clear_environment(nullptr);
    setenv(alone[i].first, alone[i].second, 1);
    assert_text(load_environment().server.display(), display[i]);
    assert_false(load_environment().server_is_default);
  }
  loading::clear_environment(nullptr);
  setenv("REDIS_MAX_CONNECTIONS", "5", 1);
  assert_true(load_environment().server_is_default);
}

void nothing_configured_is_embedded(void ** /*state*/) {
  const auto read = load_environment();
  assert_true(read.server_is_default);
  assert_true(read.server.scheme == scheme::embedded);
  assert_text(read.server.path, "");
  // An empty variable is one that is not set.
  for (const char *name :
       {"CACHECORE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD", "REDIS_MAX_CONNECTIONS",
        "REDIS_RETRY_ON_TIMEOUT", "CACHECORE_ENV_FILES", "CACHECORE_PLUGIN_PATH"}) {
    setenv(name, "", 1);
  }
  assert_true(load_environment().server_is_default);
}

void cachecore_url_replaces_the_redis_variables(void ** /*state*/) {
  setenv("CACHECORE_URL", "redis://one/1", 1);
  setenv("REDIS_HOST", "two", 1);
  setenv("REDIS_PORT", "nonsense", 1);
  setenv("REDIS_PASSWORD", "S3CRET", 1);
  const auto read = load_environment();
  assert_text(read.server.display(), "redis://one:6379/1");
  assert_text(read.server.password, "");
}

void a_bad_variable_is_named(void ** /*state*/) {
  const struct {
    const char *name, *value, *message;
  } wrong[] = {
      {"CACHECORE_URL", "http://u:S3CRET@h", "environment variable CACHECORE_URL: url has an unknown scheme \"http\""},
      {"CACHECORE_URL", "redis://u:S3CRET@h:x", "environment variable CACHECORE_URL: url: the port"},
      {"REDIS_HOST", "redis://h", "environment variable REDIS_HOST must be a host name or an address"},
      {"REDIS_HOST", "h:6379", "REDIS_HOST must be a host name"},
      {"REDIS_HOST", "redis://u:S3CRET@h", "REDIS_HOST must be a host name"},
      {"REDIS_PORT", "tcp://u:S3CRET@h", "REDIS_PORT must be"},
      {"REDIS_HOST", "[h]", "REDIS_HOST must be a host name"},
      {"REDIS_PORT", "0", "environment variable REDIS_PORT must be a number from 1 to 65535, got \"0\""},
      {"REDIS_PORT", "tcp://10.0.0.1:6379", "enableServiceLinks"},
      {"REDIS_DB", "x", "environment variable REDIS_DB must be a database number from 0 to 2147483647, got \"x\""},
      {"REDIS_DB", "-1", "REDIS_DB must be"},
      {"REDIS_MAX_CONNECTIONS", "many",
       "environment variable REDIS_MAX_CONNECTIONS must be a whole number from 1 to 10000, got \"many\""},
      {"REDIS_MAX_CONNECTIONS", "0", "got 0"},
      {"REDIS_MAX_CONNECTIONS", "5 ", "got \"5 \""},
      {"REDIS_RETRY_ON_TIMEOUT", "maybe", "environment variable REDIS_RETRY_ON_TIMEOUT must be true or false"},
      {"REDIS_DECODE_RESPONSES", "2", "environment variable REDIS_DECODE_RESPONSES must be true or false"},
      {"CACHECORE_PLUGIN_PATH", "relative", "environment variable CACHECORE_PLUGIN_PATH takes absolute directories"},
      {"CACHECORE_ENV_FILES", "/nonexistent/.env", "env file /nonexistent/.env: No such file or directory"},
      {"REDIS_PASSWORD", "ENC(S3CRET)", "environment variable REDIS_PASSWORD is ENC(...) and there is no key"},
      {"REDIS_PASSWORD", "ENC(S3CRET", "environment variable REDIS_PASSWORD is ENC(...) and there is no key"},
  };
  for (const auto &[name, value, message] : wrong) {
    loading::clear_environment(nullptr);
    setenv(name, value, 1);
    const std::string got = environment_rejection();
    assert_contains(got, message);
    assert_lacks(got, "S3CRET");
  }
}

void truth_has_many_words(void ** /*state*/) {
  for (const char *word : {"true", "True", "TRUE", "1", "yes", "on"}) {
    setenv("REDIS_DECODE_RESPONSES", word, 1);
    assert_true(load_environment().decode_responses.value());
  }
  for (const char *word : {"false", "False", "0", "no", "OFF"}) {
    setenv("REDIS_DECODE_RESPONSES", word, 1);
    assert_false(load_environment().decode_responses.value());
  }
}

// Container platforms set REDIS_PORT=tcp://... for a service named redis: no reason to reject a program that says where
// its server is.
void variables_nobody_needs_may_be_anything(void ** /*state*/) {
  setenv("REDIS_PORT", "tcp://10.0.0.1:6379", 1);
  setenv("REDIS_MAX_CONNECTIONS", "x", 1);
  setenv("REDIS_RETRY_ON_TIMEOUT", "x", 1);
  setenv("REDIS_DECODE_RESPONSES", "x", 1);
  const auto read =
      load_json(R"({"url": "redis://h", "max_connections": 2, "retry_on_timeout": true, "decode_responses": false})");
  assert_text(read.server.display(), "redis://h:6379/0");
}

void env_files_are_read_only_where_they_are_named(void ** /*state*/) {
  const loading::directory files;
  const std::string dot_env = files.file(".env", "REDIS_HOST=from-env\nREDIS_DB=1\nOTHER=x y\n");
  const std::string secrets = files.file(".secrets", "REDIS_PASSWORD=S3CRET\nREDIS_DB=2\n");
  assert_true(load_environment().server_is_default);

  const auto listed = load_json(R"({"env_files": [")" + dot_env + R"(", ")" + secrets + R"("]})");
  assert_text(listed.server.display(), "redis://from-env:6379/1");
  assert_text(listed.server.password, "S3CRET");

  setenv("CACHECORE_ENV_FILES", (":" + secrets + "::" + dot_env + ":").c_str(), 1);
  assert_text(load_environment().server.display(), "redis://from-env:6379/2");
  // An empty variable does not hide one of a later file.
  const std::string empty = files.file("empty", "REDIS_HOST=\nREDIS_DB=''\n");
  setenv("CACHECORE_ENV_FILES", (empty + ":" + dot_env).c_str(), 1);
  assert_text(load_environment().server.display(), "redis://from-env:6379/1");
  // The JSON's list replaces the variable's.
  assert_true(load_json(R"({"env_files": []})").server_is_default);

  const std::string bad = files.file("bad", "REDIS_PORT=S3CRETS3CRET!\n");
  const std::string message = rejection_of([&] { load_json(R"({"env_files": [")" + bad + R"("]})"); });
  assert_contains(message, "env file " + bad + ", line 1: REDIS_PORT must be");
  const std::string broken = files.file("broken", "S3CRET\n");
  const std::string reason = rejection_of([&] { load_json(R"({"env_files": [")" + broken + R"("]})"); });
  assert_contains(reason, broken + ", line 1");
  assert_lacks(reason, "S3CRET");
  assert_contains(rejection_of([&] { load_json(R"({"env_files": [""]})"); }), "env file: the path is empty");
  assert_contains(rejection_of([&] { load_json(R"({"env_files": ["/"]})"); }), "env file /: is not a regular file");
}

void a_variable_of_an_earlier_source_decides_between_url_and_host(void ** /*state*/) {
  const loading::directory files;
  const std::string with_url = files.file("url", "CACHECORE_URL=redis://url\n");
  const std::string with_host = files.file("host", "REDIS_HOST=host\n");
  setenv("CACHECORE_ENV_FILES", (with_url + ":" + with_host).c_str(), 1);
  assert_text(load_environment().server.display(), "redis://url:6379/0");
  setenv("CACHECORE_ENV_FILES", (with_host + ":" + with_url).c_str(), 1);
  assert_text(load_environment().server.display(), "redis://host:6379/0");
  // A password alone says nothing of where the server is.
  setenv("CACHECORE_ENV_FILES", with_url.c_str(), 1);
  setenv("REDIS_PASSWORD", "p", 1);
  assert_text(load_environment().server.display(), "redis://url:6379/0");
  assert_text(load_environment().server.password, "");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(env_text_is_read_as_a_shell_does),
      cmocka_unit_test(a_malformed_line_is_named_and_not_quoted),
      cmocka_unit_test_setup(redis_variables_form_a_url, loading::clear_environment),
      cmocka_unit_test_setup(each_redis_variable_alone_means_this_machine, loading::clear_environment),
      cmocka_unit_test_setup(nothing_configured_is_embedded, loading::clear_environment),
      cmocka_unit_test_setup(cachecore_url_replaces_the_redis_variables, loading::clear_environment),
      cmocka_unit_test_setup(a_bad_variable_is_named, loading::clear_environment),
      cmocka_unit_test_setup(truth_has_many_words, loading::clear_environment),
      cmocka_unit_test_setup(variables_nobody_needs_may_be_anything, loading::clear_environment),
      cmocka_unit_test_setup(env_files_are_read_only_where_they_are_named, loading::clear_environment),
      cmocka_unit_test_setup(a_variable_of_an_earlier_source_decides_between_url_and_host, loading::clear_environment),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
