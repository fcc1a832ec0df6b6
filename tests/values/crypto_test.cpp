// The service crypto/1, against published vectors.

#include "core/values/crypto.h"

#include <openssl/err.h>

#include <set>
#include <thread>
#include <vector>

#include "cmocka_cpp.h"

namespace {

const cachecore_crypto_service &crypto = *cachecore_internal::crypto_service();

using bytes = std::vector<uint8_t>;

bytes from_hex(std::string_view hex) {
  bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

std::string to_hex(const uint8_t *data, size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < size; i++) {
    out += digits[data[i] >> 4];
    out += digits[data[i] & 15];
  }
  return out;
}

std::string sha256(std::string_view text) {
  uint8_t out[32];
  assert_int_equal(crypto.sha256(text.data(), text.size(), out), CACHECORE_OK);
  return to_hex(out, 32);
}

std::string hmac(const bytes &key, std::string_view text) {
  uint8_t out[32];
  assert_int_equal(crypto.hmac_sha256(key.data(), key.size(), text.data(), text.size(), out), CACHECORE_OK);
  return to_hex(out, 32);
}

void sha256_follows_fips_180(void **) {
  assert_text(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_text(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_text(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  assert_text(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

void hmac_follows_rfc_4231(void **) {
  assert_text(hmac(bytes(20, 0x0b), "Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  assert_text(hmac(from_hex("4a656665"), "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  assert_text(hmac(bytes(20, 0xaa), std::string(50, '\xdd')),
              "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  assert_text(hmac(bytes(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First"),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  assert_text(hmac({}, ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// The vectors of McGrew and Viega, cases 13, 14 and 16.
void open_follows_the_gcm_vectors(void **) {
  const bytes zero_key(32, 0);
  uint8_t out[64];
  const bytes empty = from_hex("000000000000000000000000530f8afbc74536b9a963b4f1c4cb738b");
  assert_int_equal(crypto.open(zero_key.data(), nullptr, 0, empty.data(), empty.size(), nullptr), CACHECORE_OK);
  const bytes zeroes =
      from_hex("000000000000000000000000cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  assert_int_equal(crypto.open(zero_key.data(), nullptr, 0, zeroes.data(), zeroes.size(), out), CACHECORE_OK);
  assert_text(to_hex(out, 16), std::string(32, '0'));
  const bytes key = from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const bytes aad = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const bytes sealed = from_hex(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
      "bcc9"
      "f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  assert_int_equal(crypto.open(key.data(), aad.data(), aad.size(), sealed.data(), sealed.size(), out), CACHECORE_OK);
  assert_text(
      to_hex(out, 60),
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
      "ba637b39");
}

struct sealed_text {
  bytes key = bytes(32, 7);
  std::string aad = "name of the value";
  std::string plain;
  bytes sealed;

  explicit sealed_text(std::string text) : plain(std::move(text)), sealed(plain.size() + 28) {
    assert_int_equal(crypto.seal(key.data(), aad.data(), aad.size(), plain.data(), plain.size(), sealed.data()),
                     CACHECORE_OK);
  }

  cachecore_status open(bytes &out) const {
    out.assign(sealed.size() < 28 ? 1 : sealed.size() - 27, 0xEE);
    return crypto.open(key.data(), aad.data(), aad.size(), sealed.data(), sealed.size(), out.data());
  }
};

void what_is_sealed_is_opened(void **) {
  for (const size_t size : std::vector<size_t>{0, 1, 15, 16, 17, 1000, 1'000'000}) {
    const sealed_text text(std::string(size, 'p'));
    bytes out;
    assert_int_equal(text.open(out), CACHECORE_OK);
    assert_text({reinterpret_cast<const char *>(out.data()), size}, text.plain);
    assert_int_equal(out[size], 0xEE);
    assert_int_equal(std::string(text.sealed.begin(), text.sealed.end()).find("pppp"), std::string::npos);
  }
}

void every_damage_is_noticed(void **) {
  const sealed_text whole("thirty-three bytes of plain text.");
  bytes out;
  for (size_t bit = 0; bit < whole.sealed.size() * 8; bit++) {
    sealed_text damaged = whole;
    damaged.sealed[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    assert_int_equal(damaged.open(out), CACHECORE_CORRUPT);
    assert_text(to_hex(out.data(), 33), std::string(66, '0'));
  }
  for (size_t size = 0; size < whole.sealed.size(); size++) {
    sealed_text cut = whole;
    cut.sealed.resize(size);
    assert_int_equal(cut.open(out), CACHECORE_CORRUPT);
  }
  sealed_text other_key = whole;
  other_key.key[31] ^= 1;
  assert_int_equal(other_key.open(out), CACHECORE_CORRUPT);
  sealed_text other_aad = whole;
  other_aad.aad += ' ';
  assert_int_equal(other_aad.open(out), CACHECORE_CORRUPT);
  assert_int_equal(whole.open(out), CACHECORE_OK);
}

void nonces_and_random_bytes_do_not_repeat(void **) {
  std::set<std::string> seen;
  for (int i = 0; i < 2'000; i++) {
    uint8_t random[12];
    assert_int_equal(crypto.random(random, sizeof(random)), CACHECORE_OK);
    seen.insert(to_hex(random, sizeof(random)));
    seen.insert(to_hex(sealed_text("x").sealed.data(), 12));
  }
  assert_int_equal(seen.size(), 4'000);
}

void random_fills_all_of_a_large_buffer(void **) {
  bytes large(40'000'003, 0);  // more than the kernel gives at once
  assert_int_equal(crypto.random(large.data(), large.size() - 1), CACHECORE_OK);
  assert_int_equal(large.back(), 0);
  std::set<uint8_t> tail(large.end() - 1001, large.end() - 1);
  assert_true(tail.size() > 200);
}

void equal_compares_all_bytes(void **) {
  assert_int_equal(crypto.equal("abc", "abc", 3), 1);
  assert_int_equal(crypto.equal("abc", "abd", 3), 0);
  assert_int_equal(crypto.equal("bbc", "abc", 3), 0);
  assert_int_equal(crypto.equal("abc", "abd", 2), 1);
  assert_int_equal(crypto.equal(nullptr, nullptr, 0), 1);
  assert_int_equal(crypto.equal(nullptr, "abc", 3), 0);
  assert_int_equal(crypto.equal("abc", nullptr, 3), 0);
}

void wrong_arguments_are_refused(void **) {
  uint8_t key[32] = {}, out[64] = {};
  const cachecore_status refused = CACHECORE_INVALID_ARGUMENT;
  assert_int_equal(crypto.random(nullptr, 1), refused);
  assert_int_equal(crypto.random(nullptr, 0), CACHECORE_OK);
  assert_int_equal(crypto.sha256(nullptr, 1, out), refused);
  assert_int_equal(crypto.sha256("a", 1, nullptr), refused);
  assert_int_equal(crypto.sha256(nullptr, 0, out), CACHECORE_OK);
  assert_int_equal(crypto.hmac_sha256(nullptr, 1, "a", 1, out), refused);
  assert_int_equal(crypto.hmac_sha256("a", 1, nullptr, 1, out), refused);
  assert_int_equal(crypto.hmac_sha256("a", 1, "a", 1, nullptr), refused);
  assert_int_equal(crypto.seal(nullptr, nullptr, 0, "a", 1, out), refused);
  assert_int_equal(crypto.seal(key, nullptr, 1, "a", 1, out), refused);
  assert_int_equal(crypto.seal(key, nullptr, 0, nullptr, 1, out), refused);
  assert_int_equal(crypto.seal(key, nullptr, 0, "a", 1, nullptr), refused);
  assert_int_equal(crypto.seal(key, nullptr, 0, "a", SIZE_MAX - 3, out), refused);
  assert_int_equal(crypto.open(nullptr, nullptr, 0, out, 29, out), refused);
  assert_int_equal(crypto.open(key, nullptr, 1, out, 29, out), refused);
  assert_int_equal(crypto.open(key, nullptr, 0, nullptr, 29, out), refused);
  assert_int_equal(crypto.open(key, nullptr, 0, out, 29, nullptr), refused);
  assert_int_equal(crypto.struct_size, sizeof(cachecore_crypto_service));
}

void the_error_queue_of_openssl_stays_as_it_was(void **) {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42);
  sealed_text text("text");
  text.sealed[20] ^= 1;
  bytes out;
  assert_int_equal(text.open(out), CACHECORE_CORRUPT);
  assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
  assert_int_equal(ERR_get_error(), 0);
}

void threads_do_not_disturb_each_other(void **) {
  std::vector<std::thread> threads;
  std::vector<int> right(8, 0);
  threads.reserve(right.size());
  for (int &count : right) {
    threads.emplace_back([&count] {
      const uint8_t key[32] = {1};
      for (int i = 0; i < 300; i++) {
        const std::string plain = std::to_string(i);
        uint8_t hash[32], sealed[40], opened[8];
        const bool done = crypto.sha256("abc", 3, hash) == CACHECORE_OK && hash[0] == 0xba && hash[31] == 0xad &&
                          crypto.hmac_sha256("", 0, "", 0, hash) == CACHECORE_OK && hash[0] == 0xb6 &&
                          hash[31] == 0xad &&
                          crypto.seal(key, nullptr, 0, plain.data(), plain.size(), sealed) == CACHECORE_OK &&
                          crypto.open(key, nullptr, 0, sealed, plain.size() + 28, opened) == CACHECORE_OK &&
                          crypto.equal(opened, plain.data(), plain.size()) == 1;
        count += done;
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  for (const int count : right) assert_int_equal(count, 300);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(sha256_follows_fips_180),
      cmocka_unit_test(hmac_follows_rfc_4231),
      cmocka_unit_test(open_follows_the_gcm_vectors),
      cmocka_unit_test(what_is_sealed_is_opened),
      cmocka_unit_test(every_damage_is_noticed),
      cmocka_unit_test(nonces_and_random_bytes_do_not_repeat),
      cmocka_unit_test(random_fills_all_of_a_large_buffer),
      cmocka_unit_test(equal_compares_all_bytes),
      cmocka_unit_test(wrong_arguments_are_refused),
      cmocka_unit_test(the_error_queue_of_openssl_stays_as_it_was),
      cmocka_unit_test(threads_do_not_disturb_each_other),
  };
  return cmocka_run_group_tests_name("values crypto", tests, nullptr, nullptr);
}
