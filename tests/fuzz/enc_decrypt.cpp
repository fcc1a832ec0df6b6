// Any bytes as ENC(...), as what stands inside it, as a key, and as a secret: refused with INVALID_ARGUMENT, or
// decrypted to what was encrypted. Nobody makes an ENC(...) without the key, so text from outside never opens.

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "core/config/configuration.h"
#include "core/failure.h"
#include "core/values/base64.h"

using cachecore_internal::decrypt_secret;
using cachecore_internal::encrypt_secret;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

const std::string key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

// The secret, or nothing when it was refused.
std::optional<std::string> opened(const std::string &wrapped, const std::string &with) {
  try {
    return decrypt_secret(wrapped, with);
  } catch (const cachecore_internal::failure &refusal) {
    check(refusal.status() == CACHECORE_INVALID_ARGUMENT);
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string input(reinterpret_cast<const char *>(data), size);
  // The corpus holds one that was made with the key.
  const std::optional<std::string> secret = opened(input, key);
  check(!secret || *secret == "s3cret");
  static_cast<void>(opened("ENC(" + input + ")", key));
  std::string encoded = "ENC(";
  cachecore_internal::base64_encode(input, encoded);
  static_cast<void>(opened(encoded + ")", key));

  static const std::string made = encrypt_secret("x", key);
  const std::optional<std::string> by_input = opened(made, input);
  check(!by_input || *by_input == "x");

  if (size > 0 && size <= 65536) {
    std::string wrapped = encrypt_secret(input, key);
    check(opened(wrapped, key) == input);
    wrapped[4 + static_cast<size_t>(data[0]) % (wrapped.size() - 5)] ^= 1;
    check(!opened(wrapped, key));
  }
  return 0;
}
