// secret.h: text that is wiped, and ENC(...).
//
//     ENC(base64 of nonce (12 bytes), ciphertext, tag (16 bytes))      AES-256-GCM, no additional data
//
// Invariants: key bytes leave memory with their holder; no message holds a key, a plain text or what stands inside
// ENC(...). Thread rule: functions are reentrant; a secret_key is immutable.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace cachecore_internal {

// Text that is overwritten when it goes.
class secret_text {
 public:
  explicit secret_text(std::string text) : text_(std::move(text)) {}
  secret_text(secret_text &&other) noexcept;
  secret_text &operator=(secret_text &&) = delete;
  ~secret_text();

  [[nodiscard]] const std::string &text() const noexcept { return text_; }
  [[nodiscard]] std::string &text() noexcept { return text_; }

 private:
  std::string text_;
};

// 32 bytes.
class secret_key {
 public:
  // Reads 32 bytes written as base64 or as 64 hexadecimal digits, white space around them aside. `origin` is what
  // messages call it.
  secret_key(std::string_view written, std::string_view origin);
  secret_key(const secret_key &) = delete;
  secret_key &operator=(const secret_key &) = delete;
  ~secret_key();

  [[nodiscard]] const unsigned char *bytes() const noexcept { return bytes_.data(); }

 private:
  std::array<unsigned char, 32> bytes_{};
};

// True for text that starts as ENC(...) does, so also for a damaged one: that must fail, not pass as a plain password.
bool is_encrypted(std::string_view text);

// Throws failure(INVALID_ARGUMENT) whose message starts with `origin`.
std::string decrypt(std::string_view wrapped, const secret_key &key, std::string_view origin);

// The text of a key file: a regular file only its owner may read (of root's, its group too).
secret_text read_key_file(const std::string &path, std::string_view origin);

}  // namespace cachecore_internal
