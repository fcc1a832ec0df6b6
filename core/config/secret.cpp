#include "core/config/secret.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>

#include "core/config/configuration.h"
#include "core/config/rejection.h"
#include "core/failure.h"
#include "core/values/base64.h"
#include "core/values/crypto.h"

namespace cachecore_internal {
namespace {

constexpr size_t overhead = 12 + 16;  // nonce and tag
constexpr size_t longest_secret = 65'536;
constexpr std::string_view prefix = "ENC(";

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

void wipe(std::string &text) {
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

// Both write `size` bytes and say whether `written` stands for that many.
bool read_hex(std::string_view written, unsigned char *out, size_t size) {
  if (written.size() != 2 * size) return false;
  for (size_t i = 0; i < size; i++) {
    const int high = hex_value(written[2 * i]);
    const int low = hex_value(written[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

bool read_base64(std::string_view written, unsigned char *out, size_t size) {
  if (base64_decoded_bound(written.size()) > size + 2) return false;
  secret_text standard{std::string(written)};
  std::replace(standard.text().begin(), standard.text().end(), '-',
               '+');  // the URL-safe alphabet, which key generators like
  std::replace(standard.text().begin(), standard.text().end(), '_', '/');
  secret_text bytes(std::string(base64_decoded_bound(written.size()), '\0'));
  if (base64_decode(standard.text(), bytes.text().data()) != size) return false;
  std::copy_n(bytes.text().data(), size, out);
  return true;
}

}  // namespace

// A short string is copied by a move, so what was moved from is wiped too.
secret_text::secret_text(secret_text &&other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }

secret_text::~secret_text() { wipe(text_); }

secret_key::secret_key(std::string_view written, std::string_view origin) {
  written = trimmed(written);
  if (read_hex(written, bytes_.data(), bytes_.size()) || read_base64(written, bytes_.data(), bytes_.size())) return;
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
  reject({origin, " must be 32 bytes written as base64 (44 characters) or hexadecimal (64 digits); ",
          "`openssl rand -base64 32` makes one"});
}

secret_key::~secret_key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

bool is_encrypted(std::string_view text) { return text.starts_with(prefix); }

std::string decrypt(std::string_view wrapped, const secret_key &key, std::string_view origin) {
  if (!is_encrypted(wrapped) || !wrapped.ends_with(')')) reject({origin, " must be of the form ENC(...)"});
  const std::string_view inner = wrapped.substr(prefix.size(), wrapped.size() - prefix.size() - 1);
  std::string sealed(base64_decoded_bound(inner.size()), '\0');
  const std::optional<size_t> size = base64_decode(inner, sealed.data());
  if (!size) reject({origin, " holds an ENC(...) that is not base64; `cachectl encrypt` makes one"});
  if (*size <= overhead) reject({origin, " holds an ENC(...) that is too short; `cachectl encrypt` makes one"});
  secret_text plain(std::string(*size - overhead, '\0'));
  const cachecore_status status = crypto_service()->open(key.bytes(), nullptr, 0, sealed.data(), *size,
                                                         reinterpret_cast<uint8_t *>(plain.text().data()));
  if (status == CACHECORE_CORRUPT) {
    reject({origin, " could not be decrypted: the key is not the one it was encrypted with, or the text was altered"});
  }
  if (status != CACHECORE_OK) throw failure(status, std::string(origin) + ": OpenSSL's AES-256-GCM failed");
  return plain.text();
}

std::string encrypt_secret(const std::string &plain, const std::string &key) {
  if (plain.empty()) reject({"the secret to encrypt is empty"});
  if (plain.size() > longest_secret) reject({"the secret to encrypt is longer than 65536 bytes"});
  const secret_key bytes(key, "the secret key");
  std::string sealed(overhead + plain.size(), '\0');
  const cachecore_status status = crypto_service()->seal(bytes.bytes(), nullptr, 0, plain.data(), plain.size(),
                                                         reinterpret_cast<uint8_t *>(sealed.data()));
  if (status != CACHECORE_OK) throw failure(status, "encrypting a secret: OpenSSL's AES-256-GCM failed");
  std::string out(prefix);
  base64_encode(sealed, out);
  return out + ')';
}

std::string decrypt_secret(const std::string &wrapped, const std::string &key) {
  const secret_key bytes(key, "the secret key");
  return decrypt(wrapped, bytes, "the secret");
}

}  // namespace cachecore_internal
