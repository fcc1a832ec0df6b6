#include "core/values/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>

namespace cachecore_internal {
namespace {

constexpr size_t nonce_size = 12;
constexpr size_t tag_size = 16;
constexpr size_t hash_size = 32;
constexpr size_t max_sealed_plain = (size_t{1} << 36) - 32;  // NIST SP 800-38D, 5.2.1.1

template <auto function>
struct free_with {
  template <class T>
  void operator()(T *object) const noexcept {
    function(object);
  }
};
using digest_algorithm = std::unique_ptr<EVP_MD, free_with<EVP_MD_free>>;
using mac_algorithm = std::unique_ptr<EVP_MAC, free_with<EVP_MAC_free>>;
using cipher_algorithm = std::unique_ptr<EVP_CIPHER, free_with<EVP_CIPHER_free>>;
using mac_context = std::unique_ptr<EVP_MAC_CTX, free_with<EVP_MAC_CTX_free>>;
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, free_with<EVP_CIPHER_CTX_free>>;

// Takes back what OpenSSL notes about failed calls: other code of this thread reads that queue.
class quiet_openssl {
 public:
  quiet_openssl() noexcept { ERR_set_mark(); }
  ~quiet_openssl() { ERR_pop_to_mark(); }
  quiet_openssl(const quiet_openssl &) = delete;
  quiet_openssl &operator=(const quiet_openssl &) = delete;
};

struct algorithms {
  digest_algorithm sha256;
  mac_algorithm hmac;
  cipher_algorithm aes_gcm;

  [[nodiscard]] bool complete() const noexcept { return sha256 && hmac && aes_gcm; }
};

// The algorithms, or null when OpenSSL has none. Threads that come here first at the same time all fetch, and one of
// them wins; a function-local static would have a lock, which a fork could leave locked.
const algorithms *fetched() noexcept {
  static std::atomic<const algorithms *> kept{nullptr};
  const algorithms *known = kept.load(std::memory_order_acquire);
  if (known != nullptr) return known;
  const quiet_openssl quiet;
  std::unique_ptr<algorithms> fresh(
      new (std::nothrow) algorithms{digest_algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr)),
                                    mac_algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
                                    cipher_algorithm(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr))});
  if (!fresh || !fresh->complete()) return nullptr;
  if (kept.compare_exchange_strong(known, fresh.get(), std::memory_order_acq_rel)) return fresh.release();
  return known;
}

bool readable(const void *data, size_t size) noexcept { return data != nullptr || size == 0; }

cachecore_status fill_random(void *out, size_t size) noexcept {
  if (!readable(out, size)) return CACHECORE_INVALID_ARGUMENT;
  auto *to = static_cast<uint8_t *>(out);
  while (size > 0) {
    const ssize_t got = getrandom(to, size, 0);
    if (got < 0 && errno != EINTR) return CACHECORE_INTERNAL;
    if (got <= 0) continue;
    to += got;
    size -= static_cast<size_t>(got);
  }
  return CACHECORE_OK;
}

cachecore_status hash(const void *data, size_t size, uint8_t out[32]) noexcept {
  if (!readable(data, size) || out == nullptr) return CACHECORE_INVALID_ARGUMENT;
  const algorithms *known = fetched();
  if (known == nullptr) return CACHECORE_INTERNAL;
  const quiet_openssl quiet;
  const bool done = EVP_Digest(size == 0 ? "" : data, size, out, nullptr, known->sha256.get(), nullptr) == 1;
  return done ? CACHECORE_OK : CACHECORE_INTERNAL;
}

cachecore_status hmac(const void *key, size_t key_bytes, const void *data, size_t size, uint8_t out[32]) noexcept {
  if (!readable(key, key_bytes) || !readable(data, size) || out == nullptr) return CACHECORE_INVALID_ARGUMENT;
  const algorithms *known = fetched();
  if (known == nullptr) return CACHECORE_INTERNAL;
  const quiet_openssl quiet;
  const mac_context context(EVP_MAC_CTX_new(known->hmac.get()));
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  // A null key would mean "the one before", of which there is none.
  const auto *key_data = key_bytes == 0 ? reinterpret_cast<const uint8_t *>("") : static_cast<const uint8_t *>(key);
  size_t written = 0;
  const bool done = context && EVP_MAC_init(context.get(), key_data, key_bytes, parameters) == 1 &&
                    (size == 0 || EVP_MAC_update(context.get(), static_cast<const uint8_t *>(data), size) == 1) &&
                    EVP_MAC_final(context.get(), out, &written, hash_size) == 1;
  return done && written == hash_size ? CACHECORE_OK : CACHECORE_INTERNAL;
}

// Feeds `size` bytes to a cipher whose function takes sizes of int. `to` null: they are additional data.
template <auto update>
bool feed(EVP_CIPHER_CTX *context, uint8_t *to, const uint8_t *from, size_t size) noexcept {
  constexpr size_t most = size_t{1} << 30;
  while (size > 0) {
    const size_t part = std::min(size, most);
    int written = 0;
    if (update(context, to, &written, from, static_cast<int>(part)) != 1) return false;
    if (to != nullptr) to += part;
    from += part;
    size -= part;
  }
  return true;
}

cachecore_status seal(const uint8_t key[32], const void *aad, size_t aad_size, const void *plain, size_t size,
                      uint8_t *out) noexcept {
  if (key == nullptr || out == nullptr || !readable(aad, aad_size) || !readable(plain, size) ||
      size > max_sealed_plain) {
    return CACHECORE_INVALID_ARGUMENT;
  }
  const algorithms *known = fetched();
  if (known == nullptr || fill_random(out, nonce_size) != CACHECORE_OK) return CACHECORE_INTERNAL;
  const quiet_openssl quiet;
  const cipher_context context(EVP_CIPHER_CTX_new());
  uint8_t *body = out + nonce_size;
  int rest = 0;
  const bool done =
      context && EVP_EncryptInit_ex2(context.get(), known->aes_gcm.get(), key, out, nullptr) == 1 &&
      feed<EVP_EncryptUpdate>(context.get(), nullptr, static_cast<const uint8_t *>(aad), aad_size) &&
      feed<EVP_EncryptUpdate>(context.get(), body, static_cast<const uint8_t *>(plain), size) &&
      EVP_EncryptFinal_ex(context.get(), body + size, &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_size), body + size) == 1;
  if (done) return CACHECORE_OK;
  OPENSSL_cleanse(out, nonce_size + size + tag_size);
  return CACHECORE_INTERNAL;
}

cachecore_status open(const uint8_t key[32], const void *aad, size_t aad_size, const void *sealed, size_t size,
                      uint8_t *out) noexcept {
  if (key == nullptr || !readable(aad, aad_size) || !readable(sealed, size)) return CACHECORE_INVALID_ARGUMENT;
  if (size < nonce_size + tag_size || size - nonce_size - tag_size > max_sealed_plain) return CACHECORE_CORRUPT;
  const size_t plain_size = size - nonce_size - tag_size;
  if (!readable(out, plain_size)) return CACHECORE_INVALID_ARGUMENT;
  const algorithms *known = fetched();
  if (known == nullptr) return CACHECORE_INTERNAL;
  const quiet_openssl quiet;
  const cipher_context context(EVP_CIPHER_CTX_new());
  const auto *nonce = static_cast<const uint8_t *>(sealed);
  const uint8_t *body = nonce + nonce_size;
  uint8_t tag[tag_size];
  std::copy_n(body + plain_size, tag_size, tag);
  uint8_t nothing[tag_size];
  int rest = 0;
  const bool ready = context && EVP_DecryptInit_ex2(context.get(), known->aes_gcm.get(), key, nonce, nullptr) == 1 &&
                     feed<EVP_DecryptUpdate>(context.get(), nullptr, static_cast<const uint8_t *>(aad), aad_size) &&
                     feed<EVP_DecryptUpdate>(context.get(), out, body, plain_size) &&
                     EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), tag) == 1;
  if (ready && EVP_DecryptFinal_ex(context.get(), nothing, &rest) == 1) return CACHECORE_OK;
  if (plain_size > 0) OPENSSL_cleanse(out, plain_size);
  return ready ? CACHECORE_CORRUPT : CACHECORE_INTERNAL;
}

int32_t equal(const void *a, const void *b, size_t size) noexcept {
  if (!readable(a, size) || !readable(b, size)) return 0;
  return size == 0 || CRYPTO_memcmp(a, b, size) == 0 ? 1 : 0;
}

constexpr cachecore_crypto_service table = {
    .struct_size = sizeof(cachecore_crypto_service),
    .random = fill_random,
    .sha256 = hash,
    .hmac_sha256 = hmac,
    .seal = seal,
    .open = open,
    .equal = equal,
};

}  // namespace

const cachecore_crypto_service *crypto_service() noexcept {
  fetched();
  return &table;
}

}  // namespace cachecore_internal
