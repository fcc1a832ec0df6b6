// ENC(...), keys and key files.

#include "core/config/secret.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

#include "core/values/base64.h"
#include "tests/config/loading.h"

namespace {

using namespace cachecore_internal;
using loading::assert_lacks;
using loading::rejection_of;

const std::string hex_key = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
const std::string base64_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const std::string other_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

// Made elsewhere (Python's cryptography: AESGCM(key).encrypt(nonce, b"s3cret", None), nonce 00..0b), so that the format
// cannot drift unseen.
const std::string fixed = "ENC(AAECAwQFBgcICQoLNDG1aaCRJTlhXg9nWTj//3+d+scRQw==)";

std::string decrypt_rejection(const std::string &wrapped, const std::string &key) {
  return rejection_of([&] { decrypt_secret(wrapped, key); });
}

void what_was_encrypted_is_decrypted(void ** /*state*/) {
  for (const std::string &plain : {std::string("x"), std::string("p\xc3\xa4ss w\xc3\xb6rd)"),
                                   std::string("\0\n\xff", 3), std::string(65536, 'z')}) {
    const std::string wrapped = encrypt_secret(plain, hex_key);
    assert_true(wrapped.starts_with("ENC(") && wrapped.ends_with(")"));
    assert_text(decrypt_secret(wrapped, base64_key), plain);
  }
  assert_true(encrypt_secret("x", hex_key) != encrypt_secret("x", hex_key));
}

void the_format_is_nonce_ciphertext_tag(void ** /*state*/) { assert_text(decrypt_secret(fixed, hex_key), "s3cret"); }

void a_key_is_32_bytes_in_base64_or_hexadecimal(void ** /*state*/) {
  assert_text(decrypt_secret(fixed, " " + base64_key + "\r\n"), "s3cret");
  assert_text(decrypt_secret(fixed, hex_key + "\n"), "s3cret");
  const std::string url_safe(42, '_');
  const std::string wrapped = encrypt_secret("x", url_safe + "8=");
  assert_text(decrypt_secret(wrapped, std::string(42, '/') + "8="), "x");
  for (const std::string &key : {std::string(), std::string("S3CRETKEY"), std::string(64, 'g'), hex_key.substr(1),
                                 hex_key + "0", base64_key.substr(1), base64_key.substr(0, 43), base64_key + base64_key,
                                 std::string(32, 'k'), std::string("AAAA")}) {
    const std::string message = decrypt_rejection(fixed, key);
    assert_contains(message, "the secret key must be 32 bytes");
    assert_contains(message, "openssl rand -base64 32");
    assert_lacks(message, "S3CRETKEY");
  }
}

void any_altered_bit_is_noticed(void ** /*state*/) {
  const std::string inner = fixed.substr(4, fixed.size() - 5);
  std::string sealed(base64_decoded_bound(inner.size()), '\0');
  sealed.resize(base64_decode(inner, sealed.data()).value());
  assert_int_equal(sealed.size(), 12 + 6 + 16);
  for (size_t bit = 0; bit < sealed.size() * 8; bit++) {
    std::string altered = sealed;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ 1 << bit % 8);
    std::string wrapped = "ENC(";
    base64_encode(altered, wrapped);
    assert_contains(decrypt_rejection(wrapped + ")", hex_key), "could not be decrypted");
  }
  for (size_t size = 0; size < sealed.size(); size++) {
    std::string wrapped = "ENC(";
    base64_encode(std::string_view(sealed).substr(0, size), wrapped);
    const std::string message = decrypt_rejection(wrapped + ")", hex_key);
    assert_contains(message, size <= 28 ? "too short" : "could not be decrypted");
  }
}

void a_wrong_key_is_an_error_without_the_secret(void ** /*state*/) {
  const std::string message = decrypt_rejection(fixed, other_key);
  assert_contains(message, "could not be decrypted");
  assert_lacks(message, "s3cret");
  assert_lacks(message, other_key);
  assert_lacks(message, fixed.substr(4, 10));
}

void malformed_wrappers_are_errors(void ** /*state*/) {
  assert_contains(decrypt_rejection("ENC(", hex_key), "form ENC(...)");
  assert_contains(decrypt_rejection("ENC(AAAA", hex_key), "form ENC(...)");
  assert_contains(decrypt_rejection("plain", hex_key), "form ENC(...)");
  assert_contains(decrypt_rejection("", hex_key), "form ENC(...)");
  assert_contains(decrypt_rejection("ENC()", hex_key), "too short");
  assert_contains(decrypt_rejection("ENC(S3CRET!)", hex_key), "not base64");
  assert_lacks(decrypt_rejection("ENC(S3CRET!)", hex_key), "S3CRET");
  assert_contains(decrypt_rejection(fixed.substr(0, 10) + " " + fixed.substr(10), hex_key), "not base64");
  assert_true(is_encrypted("ENC(damaged"));
  assert_false(is_encrypted("enc(x)"));
  assert_false(is_encrypted(""));
}

void an_empty_secret_is_never_made_nor_taken(void ** /*state*/) {
  assert_contains(rejection_of([] { encrypt_secret("", hex_key); }), "empty");
  assert_contains(rejection_of([] { encrypt_secret(std::string(65537, 'x'), hex_key); }), "65536");
  assert_contains(rejection_of([] { encrypt_secret("x", "short"); }), "32 bytes");
}

// A short string lies in the object itself.
bool lies_in(const void *memory, size_t size, std::string_view text) {
  return std::string_view(static_cast<const char *>(memory), size).find(text) != std::string_view::npos;
}

void secret_text_leaves_nothing_behind(void ** /*state*/) {
  alignas(secret_text) unsigned char memory[sizeof(secret_text)];
  auto *from = new (memory) secret_text(std::string("S3CRET"));
  assert_true(lies_in(memory, sizeof(memory), "S3CRET"));
  {
    const secret_text to(std::move(*from));
    assert_text(to.text(), "S3CRET");
    assert_false(lies_in(memory, sizeof(memory), "3CRET"));
  }
  from->~secret_text();
  from = new (memory) secret_text(std::string("S3CRET"));
  from->~secret_text();
  assert_false(lies_in(memory, sizeof(memory), "3CRET"));
}

void a_key_leaves_nothing_behind(void ** /*state*/) {
  alignas(secret_key) unsigned char memory[sizeof(secret_key)];
  const std::string_view bytes("\x08\x09\x0a\x0b", 4);
  const auto *made = new (memory) secret_key(hex_key, "the key");
  assert_true(lies_in(memory, sizeof(memory), bytes));
  made->~secret_key();
  assert_false(lies_in(memory, sizeof(memory), bytes));
}

void a_key_file_is_for_its_owner_alone(void ** /*state*/) {
  const loading::directory files;
  assert_text(read_key_file(files.file("key", base64_key + "\n"), "the key").text(), base64_key + "\n");
  assert_text(read_key_file(files.file("key", base64_key, 0400), "the key").text(), base64_key);
  for (const unsigned mode : {0604u, 0602u, 0601u, 0620u, 0660u, 0644u, 0666u, 0777u}) {
    const std::string path = files.file("key", base64_key, mode);
    const std::string message = rejection_of([&] { read_key_file(path, "the key"); });
    assert_contains(message, path);
    assert_contains(message, "chmod 600");
    assert_lacks(message, base64_key);
  }
  // Readable by its group: root's only, as container platforms mount them.
  const std::string path = files.file("key", base64_key, 0640);
  if (geteuid() == 0) {
    assert_text(read_key_file(path, "the key").text(), base64_key);
    assert_int_equal(chown(path.c_str(), 65534, 65534), 0);
  }
  assert_contains(rejection_of([&] { read_key_file(path, "the key"); }), "chmod 600");
}

void a_key_file_that_cannot_be_read_says_why(void ** /*state*/) {
  const loading::directory files;
  assert_contains(rejection_of([&] { read_key_file(files.path("none"), "the key"); }), "No such file");
  assert_contains(rejection_of([&] { read_key_file(files.path(""), "the key"); }), "not a regular file");
  assert_contains(rejection_of([&] { read_key_file("", "the key"); }), "path is empty");
  assert_int_equal(mkfifo(files.path("fifo").c_str(), 0600), 0);
  assert_contains(rejection_of([&] { read_key_file(files.path("fifo"), "the key"); }), "not a regular file");
  assert_contains(rejection_of([&] { read_key_file("/dev/null", "the key"); }), "not a regular file");
  const std::string large = files.file("large", std::string(1'048'577, 'x'));
  assert_contains(rejection_of([&] { read_key_file(large, "the key"); }), "1 MiB");
}

void the_environment_names_the_key(void ** /*state*/) {
  const loading::directory files;
  const std::string none = rejection_of([] { secret_key_from_environment(); });
  assert_contains(none, "CACHECORE_SECRET_KEY");
  assert_contains(none, "CACHECORE_SECRET_KEY_FILE");

  setenv("CACHECORE_SECRET_KEY_FILE", files.file("key", base64_key).c_str(), 1);
  assert_text(secret_key_from_environment(), base64_key);
  setenv("CACHECORE_SECRET_KEY", hex_key.c_str(), 1);
  assert_text(secret_key_from_environment(), hex_key);
  setenv("CACHECORE_SECRET_KEY", "", 1);
  assert_text(secret_key_from_environment(), base64_key);

  setenv("CACHECORE_SECRET_KEY_FILE", files.path("none").c_str(), 1);
  const std::string missing = rejection_of([] { secret_key_from_environment(); });
  assert_contains(missing, "CACHECORE_SECRET_KEY_FILE");
  assert_contains(missing, "No such file");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_was_encrypted_is_decrypted),
      cmocka_unit_test(the_format_is_nonce_ciphertext_tag),
      cmocka_unit_test(a_key_is_32_bytes_in_base64_or_hexadecimal),
      cmocka_unit_test(any_altered_bit_is_noticed),
      cmocka_unit_test(a_wrong_key_is_an_error_without_the_secret),
      cmocka_unit_test(malformed_wrappers_are_errors),
      cmocka_unit_test(an_empty_secret_is_never_made_nor_taken),
      cmocka_unit_test(secret_text_leaves_nothing_behind),
      cmocka_unit_test(a_key_leaves_nothing_behind),
      cmocka_unit_test(a_key_file_is_for_its_owner_alone),
      cmocka_unit_test(a_key_file_that_cannot_be_read_says_why),
      cmocka_unit_test_setup(the_environment_names_the_key, loading::clear_environment),
  };
  return cmocka_run_group_tests(tests, loading::clear_environment, nullptr);
}
