// lease_text.h: a lease as callers see it: 32 hexadecimal digits, its number and its secret.
#pragma once

#include <charconv>
#include <cstdio>
#include <cstring>

#include "flights.h"

namespace cache_plugin {

class lease_text {
 public:
  // Room for one, in the memory of the call, so that an answer can be put together before there is a lease to lose.
  explicit lease_text(call &call) : digits_(call.allocate_array<char>(size + 1)) {}

  [[nodiscard]] value shown() const noexcept { return std::string_view(digits_, size); }
  void write(const lease_id &lease) noexcept {
    std::snprintf(digits_, size + 1, "%016llx%016llx", static_cast<unsigned long long>(lease.number),
                  static_cast<unsigned long long>(lease.secret));
  }

  // Throws INVALID_ARGUMENT for what cannot be one.
  [[nodiscard]] static lease_id parse(std::string_view text) {
    lease_id lease;
    if (text.size() != size || !read(text.substr(0, size / 2), lease.number) ||
        !read(text.substr(size / 2), lease.secret)) {
      throw error(CACHECORE_INVALID_ARGUMENT, "lease must be one that cache.lookup has given");
    }
    return lease;
  }

  [[nodiscard]] static uint64_t secret_from(const std::string &eight_bytes) noexcept {
    uint64_t secret = 0;
    std::memcpy(&secret, eight_bytes.data(), sizeof(secret));
    return secret;
  }

 private:
  static constexpr size_t size = 32;

  static bool read(std::string_view digits, uint64_t &out) noexcept {
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return fault == std::errc{} && end == digits.data() + digits.size();
  }

  char *digits_;
};

}  // namespace cache_plugin
