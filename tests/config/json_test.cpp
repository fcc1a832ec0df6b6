// The JSON source: syntax, keys, types, ranges.

#include "core/config/json_text.h"
#include "tests/config/loading.h"

namespace {

using loading::assert_lacks;
using loading::json_rejection;
using loading::load_json;

void every_key_is_read(void ** /*state*/) {
  const loading::directory files;
  const std::string env_file = files.file(".env", "REDIS_MAX_CONNECTIONS=3\n");
  const std::string json = R"({
    "url": "rediss://u:p@h:1/2", "load": ["kv", "/opt/cachecore_mine.so"],
    "plugins": {"kv": {"a": 1}, "mine": {}, "later": {"b": [2]}}, "plugin_path": "/a:/b", "key_prefix": "app:",
    "max_connections": 7, "connect_timeout_ms": 11, "call_timeout_ms": -1, "busy_poll_us": 13,
    "retry_on_timeout": false, "decode_responses": true, "ping_on_init": true,
    "env_files": [")" + env_file +
                           R"("],
    "tls": {"ca_file": "/ca", "certificate_file": "/crt", "key_file": "/key", "server_name": "sni.example", "verify": false},
    "embedded": {"fsync": "always", "redis_server": "/usr/bin/redis-server"}})";
  const auto read = load_json(json);
  assert_text(read.server.display(), "rediss://h:1/2");
  assert_text(read.server.password, "p");
  assert_false(read.server_is_default);
  assert_false(read.all_built_in);
  assert_int_equal(read.plugins.size(), 2);
  assert_text(read.plugins[0].name_or_path, "kv");
  assert_text(read.plugins[0].config_json, R"({"a": 1})");
  assert_text(read.plugins[1].name_or_path, "/opt/cachecore_mine.so");
  assert_text(read.plugins[1].config_json, "");
  assert_int_equal(read.plugin_configs.size(), 3);
  assert_text(read.plugin_configs.at("mine"), "{}");
  assert_text(read.plugin_configs.at("later"), R"({"b": [2]})");
  assert_int_equal(read.plugin_path.size(), 2);
  assert_text(read.plugin_path[1], "/b");
  assert_text(read.key_prefix, "app:");
  assert_int_equal(read.max_connections, 7);
  assert_int_equal(read.connect_timeout_ms, 11);
  assert_int_equal(read.call_timeout_ms, -1);
  assert_int_equal(read.busy_poll_us, 13);
  assert_false(read.retry_on_timeout);
  assert_true(read.decode_responses.value());
  assert_true(read.ping_on_init);
  assert_text(read.tls.ca_file, "/ca");
  assert_text(read.tls.certificate_file, "/crt");
  assert_text(read.tls.key_file, "/key");
  assert_text(read.tls.server_name, "sni.example");
  assert_false(read.tls.verify);
  assert_text(read.embedded_fsync, "always");
  assert_text(read.redis_server, "/usr/bin/redis-server");
}

void an_empty_object_is_the_defaults(void ** /*state*/) {
  const auto read = load_json(" {} ");
  assert_true(read.server_is_default);
  assert_text(read.server.display(), "embedded://");
  assert_true(read.all_built_in);
  assert_int_equal(read.plugins.size(), 0);
  assert_int_equal(read.max_connections, 20);
  assert_int_equal(read.connect_timeout_ms, 2000);
  assert_int_equal(read.call_timeout_ms, 5000);
  assert_int_equal(read.busy_poll_us, 0);
  assert_true(read.retry_on_timeout);
  assert_false(read.decode_responses.has_value());
  assert_false(read.ping_on_init);
  assert_true(read.tls.verify);
  assert_text(read.embedded_fsync, "everysec");
  assert_text(read.redis_server, "redis-server");
}

void an_empty_load_list_loads_nothing(void ** /*state*/) {
  const auto read = load_json(R"({"load": []})");
  assert_false(read.all_built_in);
  assert_int_equal(read.plugins.size(), 0);
}

void an_unknown_key_is_answered_with_the_nearest(void ** /*state*/) {
  const std::string typo = json_rejection(R"({"max_conections": 3})");
  assert_contains(typo, "config_json: unknown key \"max_conections\"");
  assert_contains(typo, "did you mean \"max_connections\"?");
  assert_contains(json_rejection(R"({"URL": "embedded://"})"), "unknown key \"URL\"");
  assert_contains(json_rejection(R"({"call_timeout": 3})"), "\"call_timeout_ms\"");
  const std::string strange = json_rejection(R"({"quux": 3})");
  assert_contains(strange, "unknown key \"quux\": known are url, load, plugins,");
  const std::string nested = json_rejection(R"({"tls": {"verfy": true}})");
  assert_contains(nested, "unknown key \"tls.verfy\": did you mean \"verify\"?");
  assert_contains(json_rejection(R"({"embedded": {"sync": "no"}})"), "\"embedded.sync\": did you mean \"fsync\"?");
  assert_contains(json_rejection("{\"a\xc3\xa4\\\"\": 1}"), "\"a???\"");
  assert_contains(json_rejection("{\"" + std::string(5000, 'k') + "\": 1}"), "kkk...\"");
}

void a_key_given_twice_is_an_error(void ** /*state*/) {
  assert_contains(json_rejection(R"({"url": "embedded://", "url": "embedded://"})"), "the key \"url\" is given twice");
  assert_contains(json_rejection(R"({"tls": {"verify": true, "verify": true}})"), "\"tls.verify\"");
  assert_contains(json_rejection(R"({"plugins": {"kv": {"x": [{"y": 1, "y": 2}]}}})"), "\"plugins.kv.x.y\"");
  assert_contains(json_rejection(R"({"url": "embedded://", "\u0075rl": "embedded://"})"), "\"url\" is given twice");
  load_json(R"({"plugins": {"a": {"x": 1}, "b": {"x": 1, "y": [{"z": 1}, {"z": 1}]}}})");
}

void a_wrong_type_says_what_the_key_takes(void ** /*state*/) {
  const std::pair<const char *, const char *> wrong[] = {
      {R"({"url": 5})", "config_json: url must be a text, got a number"},
      {R"({"url": null})", "url must be a text, got null (leave the key out)"},
      {R"({"load": "kv"})", "load must be a list of texts, got a text"},
      {R"({"load": ["kv", 5]})", "load must be a list of texts, got one that holds a number"},
      {R"({"plugins": []})", "plugins must be an object, got a list"},
      {R"({"plugins": {"kv": 5}})", "plugins.kv must be an object, got a number"},
      {R"({"plugin_path": ["/a"]})", "plugin_path must be a text, got a list"},
      {R"({"key_prefix": true})", "key_prefix must be a text, got true or false"},
      {R"({"max_connections": "20"})", "max_connections must be a whole number from 1 to 10000, got a text"},
      {R"({"max_connections": 1.5})", "max_connections must be a whole number from 1 to 10000, got \"1.5\""},
      {R"({"retry_on_timeout": 1})", "retry_on_timeout must be true or false, got a number"},
      {R"({"decode_responses": "yes"})", "decode_responses must be true or false, got a text"},
      {R"({"ping_on_init": 0})", "ping_on_init must be true or false"},
      {R"({"password": 5})", "password must be a text"},
      {R"({"password_file": {}})", "password_file must be a text, got an object"},
      {R"({"secret_key_file": 5})", "secret_key_file must be a text"},
      {R"({"env_files": "/x"})", "env_files must be a list of texts"},
      {R"({"tls": true})", "tls must be an object, got true or false"},
      {R"({"tls": {"verify": "no"}})", "tls.verify must be true or false, got a text"},
      {R"({"tls": {"ca_file": "ca.pem"}})", "tls.ca_file must be an absolute path, got \"ca.pem\""},
      {R"({"tls": {"server_name": "https://x"}, "url": "rediss://h"})", "tls.server_name must be a host name"},
      {R"({"embedded": 5})", "embedded must be an object"},
      {R"({"embedded": {"fsync": "sometimes"}})", "embedded.fsync must be always, everysec or no, got \"sometimes\""},
      {R"({"embedded": {"redis_server": "./redis"}})",
       "embedded.redis_server must be a program's name or absolute path"},
      {R"({"embedded": {"redis_server": ""}})", "embedded.redis_server must be"},
  };
  for (const auto &[json, message] : wrong) assert_contains(json_rejection(json), message);
}

void numbers_have_ranges(void ** /*state*/) {
  const std::pair<const char *, const char *> wrong[] = {
      {R"({"max_connections": 0})", "max_connections must be a whole number from 1 to 10000, got 0"},
      {R"({"max_connections": 10001})", "got 10001"},
      {R"({"max_connections": -1})", "got -1"},
      {R"({"max_connections": 1e999})", "got \"1e999\""},
      {R"({"max_connections": 9223372036854775808})", "got \"9223372036854775808\""},
      {R"({"connect_timeout_ms": 0})", "connect_timeout_ms must be milliseconds from 1 to 3600000, got 0"},
      {R"({"connect_timeout_ms": 3600001})", "got 3600001"},
      {R"({"call_timeout_ms": 0})",
       "call_timeout_ms must be milliseconds from 1 to 31536000000, or -1 for no deadline, got 0"},
      {R"({"call_timeout_ms": -2})", "got -2"},
      {R"({"call_timeout_ms": 31536000001})", "got 31536000001"},
      {R"({"busy_poll_us": -1})", "busy_poll_us must be microseconds from 0 to 1000000, got -1"},
      {R"({"busy_poll_us": 1000001})", "got 1000001"},
  };
  for (const auto &[json, message] : wrong) assert_contains(json_rejection(json), message);
  assert_int_equal(load_json(R"({"max_connections": 1})").max_connections, 1);
  assert_int_equal(load_json(R"({"max_connections": 1e4})").max_connections, 10000);
  assert_int_equal(load_json(R"({"max_connections": 30.0})").max_connections, 30);
  assert_int_equal(load_json(R"({"call_timeout_ms": 31536000000})").call_timeout_ms, 31536000000);
  assert_int_equal(load_json(R"({"busy_poll_us": 0})").busy_poll_us, 0);
}

void texts_have_bounds(void ** /*state*/) {
  assert_contains(json_rejection(R"({"key_prefix": "a\nb"})"), "key_prefix must not contain control characters");
  assert_contains(json_rejection("{\"key_prefix\": \"" + std::string(1025, 'x') + "\"}"), "at most 1024 bytes");
  assert_text(load_json(R"({"key_prefix": ""})").key_prefix, "");
  assert_contains(json_rejection(R"({"plugin_path": "/a:b"})"), "plugin_path takes absolute directories");
  assert_contains(json_rejection(R"({"plugin_path": "/a:b"})"), "got \"b\"");
  assert_int_equal(load_json(R"({"plugin_path": ":/a::/b:/a:"})").plugin_path.size(), 2);
  assert_contains(json_rejection(R"({"load": ["kv", "kv"]})"), "load names the plugin \"kv\" twice");
  for (const char *name : {"", "Kv", "1kv", "./kv.so", "kv.so", "k v", "..", "a/b"}) {
    assert_contains(json_rejection(std::string(R"({"load": [")") + name + "\"]}"), "load takes plugin names");
  }
  assert_contains(json_rejection(R"({"plugins": {"/x": {}}})"), "plugins holds configurations by plugin name");
}

void a_mistake_has_a_place(void ** /*state*/) {
  const std::pair<const char *, const char *> wrong[] = {
      {"", "config_json: line 1, column 1: expected a JSON value"},
      {"{", "line 1, column 2: expected a key"},
      {"{\n \"url\": x}", "line 2, column 9: expected a JSON value"},
      {"{\"url\" \"x\"}", "line 1, column 8: expected ':'"},
      {"{\"url\": \"x\" 1}", "line 1, column 13: expected ',' or '}'"},
      {"{\"load\": [\"kv\",]}", "line 1, column 16: expected a JSON value"},
      {"{\"load\": [\"kv\"}", "line 1, column 15: expected ',' or ']'"},
      {"{\"load\": [],}", "line 1, column 13: expected a key"},
      {"{} {}", "line 1, column 4: text behind the end"},
      {"{}x", "line 1, column 3: text behind the end"},
      {"{\"url\": \"a", "line 1, column 9: a text is not closed"},
      {"{\"url\": \"a\nb\"}", "line 1, column 11: a control character"},
      {"{\"\xc3\xa4\xc3\xa4\": \"\\x\"}", "line 1, column 9: unknown escape"},
      {"{\"url\": \"\\u00zz\"}", "line 1, column 10: \\u takes four"},
      {"{\"url\": \"\\u0000\"}", "line 1, column 10: \\u0000 is not allowed"},
      {"{\"url\": \"\\ud800\"}", "line 1, column 10: half of a surrogate pair"},
      {"{\"url\": \"\\ud800\\u0041\"}", "half of a surrogate pair"},
      {"{\"url\": \"\\udc00\"}", "half of a surrogate pair"},
      {"{\"url\": \"\\u12", "\\u takes four"},
      {"{\"url\": \"\\", "unknown escape"},
      {"{\"url\": \"\xff\"}", "line 1, column 10: not UTF-8"},
      {"{\"url\": \"\xed\xa0\x80\"}", "not UTF-8"},
      {"{\"max_connections\": 01}", "line 1, column 21: not a number"},
      {"{\"max_connections\": 1.}", "not a number"},
      {"{\"max_connections\": -}", "not a number"},
      {"{\"max_connections\": 1e}", "not a number"},
      {"{\"max_connections\": +1}", "line 1, column 21: expected a JSON value"},
      {"{\"max_connections\": .5}", "expected a JSON value"},
      {"{\"max_connections\": 0x10}", "not a number"},
      {"{\"max_connections\": NaN}", "expected a JSON value"},
      {"{'url': 1}", "line 1, column 2: expected a key"},
      {"{/**/}", "line 1, column 2: expected a key"},
      {"{\"a\":\x01 1}", "line 1, column 6: expected a JSON value"},
      {"{\"ping_on_init\": True}", "line 1, column 18: expected a JSON value"},
      {"{\"ping_on_init\": truely}", "line 1, column 22: expected ',' or '}'"},
      {"{\"url\": nul}", "line 1, column 9: expected a JSON value"},
  };
  for (const auto &[json, message] : wrong) assert_contains(json_rejection(json), message);
  assert_contains(json_rejection("[]"), "config_json must be a JSON object, got a list");
  assert_contains(json_rejection("5"), "config_json must be a JSON object, got a number");
  assert_contains(json_rejection("{\"plugins\": " + std::string(100, '[')), "64 levels");
  assert_contains(json_rejection("{\"key_prefix\": \"" + std::string(1'048'576, 'x') + "\"}"), "larger than 1 MiB");
}

void no_message_quotes_what_may_be_a_secret(void ** /*state*/) {
  const char *const wrong[] = {
      R"({"password": "S3CRET)",
      R"({"password": "S3CRET"x})",
      R"({"password": S3CRET})",
      R"({"password": "S3CRET", "password": "S3CRET"})",
      R"({"password": ["S3CRET"]})",
      R"({"password": "S3CRET\x"})",
      R"({"url": "redis://u:S3CRET@h:x"})",
      R"({"url": ["S3CRET"]})",
      R"({"url": "redis://:S3CRET@h", "password": "S3CRET"})",
      R"-({"url": "redis://h", "password": "ENC(S3CRET)"})-",
  };
  for (const char *json : wrong) assert_lacks(json_rejection(json), "S3CRET");
}

void escapes_and_a_byte_order_mark_are_read(void ** /*state*/) {
  assert_text(load_json("\xef\xbb\xbf{\"key_prefix\": \"\\u00e4\\ud83d\\ude00\\\\\\\"\\/\"}").key_prefix,
              "\xc3\xa4\xf0\x9f\x98\x80\\\"/");
}

// A double cannot hold these numbers; the plugin gets what was written.
void a_plugins_configuration_is_handed_on_as_it_is_written(void ** /*state*/) {
  const auto read = load_json(
      R"({"plugins": {"a": {"n": 9007199254740993, "s": "}\"{,", "l": [ 1.10, {} ]} ,"b":{ }},"load":["b","a"]})");
  assert_text(read.plugin_configs.at("a"), R"({"n": 9007199254740993, "s": "}\"{,", "l": [ 1.10, {} ]})");
  assert_text(read.plugin_configs.at("b"), "{ }");
  assert_text(read.plugins[0].name_or_path, "b");
  assert_text(read.plugins[0].config_json, "{ }");
  assert_text(read.plugins[1].config_json, read.plugin_configs.at("a"));
}

void member_texts_are_cut_out(void ** /*state*/) {
  const auto texts =
      cachecore_internal::member_texts(R"( {"a":1,"b\"}" : "x,\\", "c":[1,{"d":2}] ,"e":{},"f":true , "g" :-1.5e3})");
  const char *const expected[] = {"1", R"("x,\\")", R"([1,{"d":2}])", "{}", "true", "-1.5e3"};
  assert_int_equal(texts.size(), 6);
  for (size_t i = 0; i < texts.size(); i++) assert_text(texts[i], expected[i]);
  assert_int_equal(cachecore_internal::member_texts("{ }").size(), 0);
}

void a_configuration_file_names_itself(void ** /*state*/) {
  const loading::directory files;
  const std::string good = files.file("good.json", R"({"max_connections": 4})");
  assert_int_equal(loading::load_file(good).max_connections, 4);
  const auto rejection = [](const std::string &path) {
    return loading::rejection_of([&] { loading::load_file(path); });
  };
  const std::string bad = files.file("bad.json", "{\n\"max_connections\": 0}");
  assert_contains(rejection(bad), "config_file " + bad + ": max_connections must be");
  const std::string broken = files.file("broken.json", "{\n\n  nope}");
  assert_contains(rejection(broken), "config_file " + broken + ": line 3, column 3");
  assert_contains(rejection(files.path("none")), "config_file " + files.path("none") + ": No such file or directory");
  assert_contains(rejection("/"), "config_file /: is not a regular file");
  assert_contains(rejection(""), "config_file: the path is empty");
  const std::string nul = files.file("nul.json", std::string_view("{}\0{}", 5));
  assert_contains(rejection(nul), "line 1, column 3: text behind the end");
  const std::string huge = files.file("huge.json", "{}" + std::string(1'048'575, ' '));
  assert_contains(rejection(huge), "is larger than 1 MiB");
  assert_true(loading::load_file(files.file("full.json", "{}" + std::string(1'048'574, ' '))).server_is_default);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_key_is_read),
      cmocka_unit_test(an_empty_object_is_the_defaults),
      cmocka_unit_test(an_empty_load_list_loads_nothing),
      cmocka_unit_test(an_unknown_key_is_answered_with_the_nearest),
      cmocka_unit_test(a_key_given_twice_is_an_error),
      cmocka_unit_test(a_wrong_type_says_what_the_key_takes),
      cmocka_unit_test(numbers_have_ranges),
      cmocka_unit_test(texts_have_bounds),
      cmocka_unit_test(a_mistake_has_a_place),
      cmocka_unit_test(no_message_quotes_what_may_be_a_secret),
      cmocka_unit_test(escapes_and_a_byte_order_mark_are_read),
      cmocka_unit_test(a_plugins_configuration_is_handed_on_as_it_is_written),
      cmocka_unit_test(member_texts_are_cut_out),
      cmocka_unit_test(a_configuration_file_names_itself),
  };
  return cmocka_run_group_tests(tests, loading::clear_environment, nullptr);
}
