#include "failure.h"

#include <algorithm>
#include <cstring>

namespace cachecore_internal {
namespace {

// Copies `text` into `out`, NUL-ended, ending at a whole UTF-8 character.
void copy_cut(char *out, size_t capacity, std::string_view text) noexcept {
  size_t size = std::min(text.size(), capacity - 1);
  if (size < text.size()) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0u) == 0x80u) size--;
  }
  if (size > 0) std::memcpy(out, text.data(), size);
  std::memset(out + size, 0, capacity - size);
}

}  // namespace

cachecore_status set_error(cachecore_error *error, cachecore_status status, std::string_view message,
                           std::string_view server_code) noexcept {
  if (error != nullptr) {
    error->status = status;
    copy_cut(error->server_code, sizeof(error->server_code), server_code);
    copy_cut(error->message, sizeof(error->message), message);
  }
  return status;
}

cachecore_status clear_error(cachecore_error *error) noexcept {
  if (error != nullptr) {
    error->status = CACHECORE_OK;
    error->server_code[0] = '\0';
    error->message[0] = '\0';
  }
  return CACHECORE_OK;
}

}  // namespace cachecore_internal
