#include "digests.h"

namespace auth_plugin {

namespace {

constexpr std::string_view sealing_purpose = "cachecore auth: successor of a refresh token, 1";
constexpr std::string_view family_purpose = "cachecore auth: family, 1\n";
constexpr std::string_view user_purpose = "cachecore auth: user, 1\n";
constexpr size_t sealing_overhead = 28;

digest hash(const host &host, std::string_view purpose, std::string_view data) {
  return host.sha256(std::string(purpose).append(data));
}

digest sealing_key(const host &host, std::string_view presented) {
  digest key;
  if (host.services().crypto->hmac_sha256(presented.data(), presented.size(), sealing_purpose.data(),
                                          sealing_purpose.size(), key.data()) != CACHECORE_OK) {
    throw error(CACHECORE_INTERNAL, "HMAC-SHA-256 failed");
  }
  return key;
}

}  // namespace

std::string selector_text(std::span<const uint8_t> selector) {
  std::string out;
  append_base64url(out, selector);
  return out;
}

secret_digest digest_of(const host &host, std::string_view token) { return {host.sha256(token)}; }

secret_digest digest_of_family(const host &host, std::span<const uint8_t> family) {
  return {hash(host, family_purpose, bytes_of(family))};
}

uint16_t bucket_of(const host &host, std::string_view user_id) {
  const digest hashed = hash(host, user_purpose, user_id);
  return static_cast<uint16_t>(hashed[0] << 8 | hashed[1]);
}

std::array<uint8_t, 8> mark_of(const host &host, std::string_view user_id) {
  const digest hashed = hash(host, user_purpose, user_id);
  std::array<uint8_t, 8> mark{};
  std::copy_n(hashed.begin() + 2, mark.size(), mark.begin());
  return mark;
}

std::string seal(const host &host, std::string_view presented, std::string_view family, std::string_view successor) {
  const digest key = sealing_key(host, presented);
  std::string out(successor.size() + sealing_overhead, '\0');
  if (host.services().crypto->seal(key.data(), family.data(), family.size(), successor.data(), successor.size(),
                                   reinterpret_cast<uint8_t *>(out.data())) != CACHECORE_OK) {
    throw error(CACHECORE_INTERNAL, "AES-256-GCM failed");
  }
  return out;
}

std::string unseal(const host &host, std::string_view presented, std::string_view family, std::string_view sealed) {
  const digest key = sealing_key(host, presented);
  if (sealed.size() < sealing_overhead) throw error(CACHECORE_CORRUPT, "the stored successor is too short");
  std::string out(sealed.size() - sealing_overhead, '\0');
  if (host.services().crypto->open(key.data(), family.data(), family.size(), sealed.data(), sealed.size(),
                                   reinterpret_cast<uint8_t *>(out.data())) != CACHECORE_OK) {
    throw error(CACHECORE_CORRUPT, "the stored successor was not sealed by this refresh token");
  }
  return out;
}

}  // namespace auth_plugin
