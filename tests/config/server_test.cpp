// What belongs to a server: password and TLS, and to which url they go.

#include <cstdlib>

#include "core/config/secret.h"
#include "tests/config/loading.h"

namespace {

using namespace cachecore_internal;
using loading::assert_lacks;
using loading::json_rejection;
using loading::load_environment;
using loading::load_json;
using loading::rejection_of;

const std::string key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const std::string other_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

configuration load(const char *url, const char *json, const char *file = nullptr) {
  cachecore_options given;
  cachecore_options_init(&given);
  given.url = url;
  given.config_json = json;
  given.config_file = file;
  return load_configuration(&given);
}

// ---- which password ----

void a_source_without_url_gives_its_password_to_any_url(void ** /*state*/) {
  assert_text(load("redis://h", R"({"password": "p"})").server.password, "p");
  setenv("CACHECORE_URL", "redis://u:old@h", 1);
  const configuration read = load(nullptr, R"({"password": "p"})");
  assert_text(read.server.password, "p");
  assert_text(read.server.user, "u");
  assert_text(load("redis://:first@h", R"({"password": "p"})").server.password, "first");
}

void a_password_written_beside_one_url_is_not_sent_to_another(void ** /*state*/) {
  assert_text(load("redis://mine", R"({"url": "redis://theirs", "password": "p"})").server.password, "");
  assert_text(load("redis://mine", R"({"url": "redis://:p@theirs"})").server.password, "");
  setenv("REDIS_HOST", "theirs", 1);
  setenv("REDIS_PASSWORD", "p", 1);
  assert_text(load("redis://mine", nullptr).server.password, "");
  assert_text(load("embedded://", nullptr).server.password, "");
}

void a_password_is_given_once(void ** /*state*/) {
  for (const char *json : {R"({"url": "redis://:S3CRET@h", "password": "S3CRET"})",
                           R"({"url": "redis://:S3CRET@h", "password_file": "/S3CRET"})",
                           R"({"url": "redis://h?password_file=/S3CRET", "password": "S3CRET"})",
                           R"({"url": "redis://h", "password": "S3CRET", "password_file": "/S3CRET"})"}) {
    const std::string message = json_rejection(json);
    assert_contains(message, "config_json gives the password more than once");
    assert_lacks(message, "S3CRET");
  }
}

void a_user_needs_a_password(void ** /*state*/) {
  assert_contains(json_rejection(R"({"url": "redis://u@h"})"),
                  "config_json: the url names a user and there is no password");
  assert_text(load("redis://u@h", R"({"password": "p"})").server.user, "u");
}

void embedded_takes_no_password(void ** /*state*/) {
  assert_contains(json_rejection(R"({"url": "embedded://", "password": "S3CRET"})"),
                  "config_json: password cannot be used with embedded://");
  const std::string message = json_rejection(R"({"password": "S3CRET"})");
  assert_contains(message, "the default where no url is set");
  assert_lacks(message, "S3CRET");
}

void an_empty_password_is_none(void ** /*state*/) {
  assert_text(load("redis://h", R"({"password": ""})").server.password, "");
  setenv("CACHECORE_URL", "redis://:old@h", 1);
  assert_text(load(nullptr, R"({"password": ""})").server.password, "");
}

// ---- ENC(...) ----

void an_encrypted_password_is_decrypted_wherever_it_stands(void ** /*state*/) {
  const loading::directory files;
  const std::string wrapped = encrypt_secret("S3CRET", key);
  setenv("CACHECORE_SECRET_KEY", key.c_str(), 1);
  const std::string in_url = "redis://u:" + wrapped + "@h/1";
  assert_text(load(in_url.c_str(), nullptr).server.password, "S3CRET");
  assert_text(load_json(R"({"url": ")" + in_url + "\"}").server.password, "S3CRET");
  assert_text(load_json(R"({"url": "redis://h", "password": ")" + wrapped + "\"}").server.password, "S3CRET");
  setenv("CACHECORE_URL", in_url.c_str(), 1);
  assert_text(load_environment().server.password, "S3CRET");
  unsetenv("CACHECORE_URL");
  setenv("REDIS_PASSWORD", wrapped.c_str(), 1);
  assert_text(load_environment().server.password, "S3CRET");
  unsetenv("REDIS_PASSWORD");
  setenv("CACHECORE_ENV_FILES", files.file(".secrets", "REDIS_PASSWORD=" + wrapped).c_str(), 1);
  assert_text(load_environment().server.password, "S3CRET");
}

// A password file whose content is ENC(...), with the key of every place a key can be in.
void the_key_is_found_by_precedence(void ** /*state*/) {
  const loading::directory files;
  const std::string right = files.file("right", key);
  const std::string wrong = files.file("wrong", other_key);
  const std::string password = R"("url": "redis://h", "password": ")" + encrypt_secret("S3CRET", key) + '"';
  const std::string in_json = "{" + password + R"(, "secret_key_file": ")" + right + "\"}";
  setenv("CACHECORE_SECRET_KEY", other_key.c_str(), 1);
  assert_text(load_json(in_json).server.password, "S3CRET");
  assert_contains(json_rejection("{" + password + "}"), "config_json: password could not be decrypted");

  setenv("CACHECORE_SECRET_KEY", key.c_str(), 1);
  setenv("CACHECORE_SECRET_KEY_FILE", wrong.c_str(), 1);
  assert_text(load_json("{" + password + "}").server.password, "S3CRET");
  unsetenv("CACHECORE_SECRET_KEY");
  setenv("CACHECORE_SECRET_KEY_FILE", right.c_str(), 1);
  assert_text(load_json("{" + password + "}").server.password, "S3CRET");

  // The file the process' environment names comes before the key of an env file.
  const std::string env_file = files.file("e", "CACHECORE_SECRET_KEY=" + other_key + "\n");
  setenv("CACHECORE_ENV_FILES", env_file.c_str(), 1);
  assert_text(load_json("{" + password + "}").server.password, "S3CRET");
  unsetenv("CACHECORE_SECRET_KEY_FILE");
  assert_contains(json_rejection("{" + password + "}"), "could not be decrypted");
  setenv("CACHECORE_ENV_FILES", files.file("e", "CACHECORE_SECRET_KEY=" + key + "\n").c_str(), 1);
  assert_text(load_json("{" + password + "}").server.password, "S3CRET");
}

void a_failed_decryption_is_an_error_never_an_empty_password(void ** /*state*/) {
  const loading::directory files;
  const std::string wrapped = encrypt_secret("S3CRET", key);
  const std::string json = R"({"url": "redis://h", "password": ")" + wrapped + "\"}";
  const auto check = [&](const char *reason) {
    const std::string message = json_rejection(json);
    assert_contains(message, reason);
    assert_lacks(message, wrapped.substr(4, 12));
    assert_lacks(message, key);
    assert_lacks(message, "S3CRET");
  };
  check("config_json: password is ENC(...) and there is no key: set CACHECORE_SECRET_KEY");
  setenv("CACHECORE_SECRET_KEY", other_key.c_str(), 1);
  check("config_json: password could not be decrypted");
  setenv("CACHECORE_SECRET_KEY", "S3CRETKEY", 1);
  check("environment variable CACHECORE_SECRET_KEY must be 32 bytes");
  unsetenv("CACHECORE_SECRET_KEY");
  setenv("CACHECORE_SECRET_KEY_FILE", files.path("none").c_str(), 1);
  check("environment variable CACHECORE_SECRET_KEY_FILE");
  setenv("CACHECORE_SECRET_KEY_FILE", files.file("open", key, 0644).c_str(), 1);
  check("chmod 600");
  setenv("CACHECORE_SECRET_KEY", key.c_str(), 1);
  for (const char *damaged : {"ENC(", "ENC()", "ENC(AAAA", "ENC(AAAA)", "ENC(x)", "ENC(AAAA)x"}) {
    json_rejection(std::string(R"({"url": "redis://h", "password": ")") + damaged + "\"}");
  }
  assert_contains(rejection_of([] { load("redis://:ENC(AAAA)@h", nullptr); }),
                  "options: the url's password holds an ENC(...)");
}

void a_key_nobody_needs_is_not_read(void ** /*state*/) {
  setenv("CACHECORE_SECRET_KEY", "nonsense", 1);
  setenv("CACHECORE_SECRET_KEY_FILE", "/nonexistent", 1);
  assert_text(load("redis://:p@h", R"({"secret_key_file": "/nonexistent"})").server.password, "p");
}

// ---- password files ----

void a_password_file_is_read_again_at_every_use(void ** /*state*/) {
  const loading::directory files;
  const std::string path = files.file("password", "first\n");
  const endpoint server = load_json(R"({"url": "redis://u@h", "password_file": ")" + path + "\"}").server;
  assert_text(server.password, "");
  assert_text(server.password_file, path);
  assert_text(server.current_password(), "first");
  for (const auto &[content, password] :
       {std::pair("second", "second"), std::pair("third\r\n", "third"), std::pair(" a \n\n", " a \n")}) {
    static_cast<void>(files.file("password", content));
    assert_text(server.current_password(), password);
  }
  assert_text(load(("redis://h?password_file=" + path).c_str(), nullptr).server.current_password(), " a \n");
  assert_text(load("redis://:p@h", nullptr).server.current_password(), "p");
  assert_text(load("redis://h", nullptr).server.current_password(), "");
}

void a_password_file_may_hold_an_encrypted_password(void ** /*state*/) {
  const loading::directory files;
  const std::string path = files.file("password", encrypt_secret("S3CRET", key) + "\n");
  const std::string url = "redis://h?password_file=" + path;
  assert_contains(rejection_of([&] { load(url.c_str(), nullptr); }), "password_file " + path + " holds ENC(...)");
  setenv("CACHECORE_SECRET_KEY", key.c_str(), 1);
  const endpoint server = load(url.c_str(), nullptr).server;
  unsetenv("CACHECORE_SECRET_KEY");
  assert_text(server.current_password(), "S3CRET");
  static_cast<void>(files.file("password", encrypt_secret("rotated", key)));
  assert_text(server.current_password(), "rotated");
}

void a_password_file_that_cannot_be_used_is_an_error_at_init_and_denied_later(void ** /*state*/) {
  const loading::directory files;
  const std::string missing = "redis://h?password_file=" + files.path("none");
  assert_contains(rejection_of([&] { load(missing.c_str(), nullptr); }),
                  "password_file " + files.path("none") + ": No such file");
  const std::string path = files.file("password", "\n");
  const std::string url = "redis://h?password_file=" + path;
  assert_contains(rejection_of([&] { load(url.c_str(), nullptr); }), path + " is empty");
  assert_contains(json_rejection(R"({"url": "redis://h", "password_file": "relative"})"),
                  "password_file must be an absolute path");

  static_cast<void>(files.file("password", "p"));
  const endpoint server = load(url.c_str(), nullptr).server;
  static_cast<void>(files.file("password", ""));
  try {
    static_cast<void>(server.current_password());
    _fail(__FILE__, __LINE__);
  } catch (const failure &reason) {
    assert_int_equal(reason.status(), CACHECORE_DENIED);
    assert_contains(reason.message(), path + " is empty");
  }
}

// ---- TLS ----

void tls_needs_a_url_with_tls(void ** /*state*/) {
  const std::string message = json_rejection(R"({"url": "redis://u:S3CRET@h", "tls": {"verify": true}})");
  assert_contains(message, "config_json: tls is set and redis://h:6379/0 does not use TLS: write rediss://");
  assert_lacks(message, "S3CRET");
  load_json(R"({"url": "redis://h", "tls": {}})");
  load_json(R"({"url": "rediss+sentinel://h/m", "tls": {"verify": false}})");
  // A test's url in place of the configuration's: its tls goes with it.
  const configuration read = load("redis://mine", R"({"url": "rediss://theirs", "tls": {"ca_file": "/ca"}})");
  assert_text(read.tls.ca_file, "");
}

void a_client_certificate_has_two_files(void ** /*state*/) {
  assert_contains(json_rejection(R"({"url": "rediss://h", "tls": {"certificate_file": "/c"}})"),
                  "tls.certificate_file needs tls.key_file");
  assert_contains(json_rejection(R"({"url": "rediss://h", "tls": {"key_file": "/k"}})"),
                  "tls.key_file needs tls.certificate_file");
  assert_text(load_json(R"({"url": "rediss://h", "tls": {"certificate_file": "/c", "key_file": "/k"}})").tls.key_file,
              "/k");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_source_without_url_gives_its_password_to_any_url, loading::clear_environment),
      cmocka_unit_test_setup(a_password_written_beside_one_url_is_not_sent_to_another, loading::clear_environment),
      cmocka_unit_test_setup(a_password_is_given_once, loading::clear_environment),
      cmocka_unit_test_setup(a_user_needs_a_password, loading::clear_environment),
      cmocka_unit_test_setup(embedded_takes_no_password, loading::clear_environment),
      cmocka_unit_test_setup(an_empty_password_is_none, loading::clear_environment),
      cmocka_unit_test_setup(an_encrypted_password_is_decrypted_wherever_it_stands, loading::clear_environment),
      cmocka_unit_test_setup(the_key_is_found_by_precedence, loading::clear_environment),
      cmocka_unit_test_setup(a_failed_decryption_is_an_error_never_an_empty_password, loading::clear_environment),
      cmocka_unit_test_setup(a_key_nobody_needs_is_not_read, loading::clear_environment),
      cmocka_unit_test_setup(a_password_file_is_read_again_at_every_use, loading::clear_environment),
      cmocka_unit_test_setup(a_password_file_may_hold_an_encrypted_password, loading::clear_environment),
      cmocka_unit_test_setup(a_password_file_that_cannot_be_used_is_an_error_at_init_and_denied_later,
                             loading::clear_environment),
      cmocka_unit_test_setup(tls_needs_a_url_with_tls, loading::clear_environment),
      cmocka_unit_test_setup(a_client_certificate_has_two_files, loading::clear_environment),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
