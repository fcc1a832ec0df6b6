// sealing.h: payloads on their way into Redis: compressed, then sealed; and back.
//
//     plain  ->  zstd, where it is larger than the policy's compress_above, and smaller afterwards
//            ->  2 bytes size of the key's id, the id, AES-256-GCM (nonce, ciphertext, tag) under that key
//
// The seal binds a payload to its key in Redis and its format, so that one who can write there cannot pass a value off
// as another's. New payloads are sealed with the key that the policy names; whatever is named by a payload opens it. So
// a key is rotated by adding the new one in all processes, then naming it in the policy, and removing the old one when
// what it sealed has expired. What cannot be opened is as good as not there: it is loaded again, and counted
// (`unreadable`).
//
// Copies in the process are neither compressed nor sealed.
//
// Thread rule: immutable once made.
#pragma once

#include <array>
#include <map>

#include "entry.h"

namespace cache_plugin {

class sealing_keys {
 public:
  static constexpr size_t key_size = 32;
  static constexpr size_t longest_id = 64;

  // The plugin's configuration `encryption_keys`: MAP of id to 32 bytes in base64; NIL: none. Throws INVALID_ARGUMENT,
  // which never shows a key.
  explicit sealing_keys(const value &config);
  ~sealing_keys();
  sealing_keys(const sealing_keys &) = delete;
  sealing_keys &operator=(const sealing_keys &) = delete;

  // Null where there is none of that id.
  [[nodiscard]] const std::array<uint8_t, key_size> *find(std::string_view id) const noexcept;
  // Throws INVALID_ARGUMENT when an id that is not empty is not known.
  void require(std::string_view id) const;

 private:
  std::map<std::string, std::array<uint8_t, key_size>, std::less<>> by_id_;
};

}  // namespace cache_plugin
