#include "sealing.h"

#include <cstring>

#include "cache.h"

namespace cache_plugin {

namespace {

constexpr size_t seal_overhead = 28;  // nonce and tag
constexpr size_t id_size = 2;
// What one value may grow to when it is decompressed: far beyond what Redis holds in one.
constexpr size_t largest_original = size_t{512} << 20;

int digit_of(char letter) noexcept {
  if (letter >= 'A' && letter <= 'Z') return letter - 'A';
  if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
  if (letter >= '0' && letter <= '9') return letter - '0' + 52;
  if (letter == '+') return 62;
  return letter == '/' ? 63 : -1;
}

// 44 letters, the last of them '='.
bool read_key(std::string_view base64, std::array<uint8_t, sealing_keys::key_size> &out) noexcept {
  if (base64.size() != 44 || base64.back() != '=') return false;
  uint32_t bits = 0;
  size_t held = 0;
  size_t filled = 0;
  for (const char letter : base64.substr(0, 43)) {
    const int digit = digit_of(letter);
    if (digit < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out[filled++] = static_cast<uint8_t>(bits >> held & 0xFF);
  }
  return filled == out.size() && (bits & ((1U << held) - 1)) == 0;
}

// What a seal is good for: this key, and a value of this format.
std::string bound_to(std::string_view entry, char format) { return std::string(entry) + ' ' + format; }

}  // namespace

sealing_keys::sealing_keys(const value &config) {
  if (config.is_nil()) return;
  for (const auto &[id, key] : config.pairs()) {
    const std::string name(id.as_text());
    if (name.empty() || name.size() > longest_id) {
      throw error(CACHECORE_INVALID_ARGUMENT, "plugins.cache.encryption_keys: an id must have 1 to 64 bytes");
    }
    if (!key.is(CACHECORE_BYTES) || !read_key(key.text(), by_id_[name])) {
      throw error(CACHECORE_INVALID_ARGUMENT,
                  "plugins.cache.encryption_keys." + name + " must be 32 bytes in base64 (openssl rand -base64 32)");
    }
  }
}

sealing_keys::~sealing_keys() {
  for (auto &[id, key] : by_id_) explicit_bzero(key.data(), key.size());
}

const std::array<uint8_t, sealing_keys::key_size> *sealing_keys::find(std::string_view id) const noexcept {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

void sealing_keys::require(std::string_view id) const {
  if (id.empty() || find(id) != nullptr) return;
  throw error(CACHECORE_INVALID_ARGUMENT, "policy.encrypt names the key \"" + std::string(id) +
                                              "\", which the plugin's configuration encryption_keys does not have");
}

std::string_view cache::wrap(call &call, const policy &how, std::string_view entry, const encoded &plain,
                             uint8_t &coding) {
  std::string_view payload = plain.bytes;
  const cachecore_compress_service *const compress = host_.services().compress;
  if (how.compress_above >= 0 && compress != nullptr && plain.bytes.size() > static_cast<size_t>(how.compress_above)) {
    const size_t room = compress->bound(plain.bytes.size());
    char *const out = call.allocate_array<char>(room);
    size_t size = 0;
    if (compress->compress(plain.bytes.data(), plain.bytes.size(), out, room, &size) == CACHECORE_OK &&
        size < plain.bytes.size()) {
      payload = {out, size};
      coding |= compressed;
    }
  }
  if (how.encrypt.empty()) return payload;
  const auto *const key = keys_.find(how.encrypt);
  const std::string bound = bound_to(entry, plain.format);
  const size_t head = id_size + how.encrypt.size();
  char *const out = call.allocate_array<char>(head + payload.size() + seal_overhead);
  out[0] = static_cast<char>(how.encrypt.size());
  out[1] = 0;
  std::memcpy(out + id_size, how.encrypt.data(), how.encrypt.size());
  if (key == nullptr ||
      host_.services().crypto->seal(key->data(), bound.data(), bound.size(), payload.data(), payload.size(),
                                    reinterpret_cast<uint8_t *>(out) + head) != CACHECORE_OK) {
    throw error(CACHECORE_INTERNAL, "the value could not be encrypted");
  }
  coding |= sealed;
  return {out, head + payload.size() + seal_overhead};
}

bool cache::unwrap(call &call, region &home, std::string_view entry, entry_view &stored) {
  // A region whose values are encrypted takes no others, or one who can write into Redis could.
  bool readable = (stored.coding & sealed) != 0 || home.how()->encrypt.empty();
  if (readable && (stored.coding & sealed) != 0) {
    const size_t head = stored.payload.size() < id_size ? SIZE_MAX - seal_overhead
                                                        : id_size + static_cast<unsigned char>(stored.payload[0]);
    const auto *const key = stored.payload.size() < head + seal_overhead
                                ? nullptr
                                : keys_.find(stored.payload.substr(id_size, head - id_size));
    readable = false;
    if (key != nullptr) {
      const std::string_view closed = stored.payload.substr(head);
      const std::string bound = bound_to(entry, stored.format);
      auto *const out = call.allocate_array<uint8_t>(closed.size() - seal_overhead + 1);
      readable = host_.services().crypto->open(key->data(), bound.data(), bound.size(), closed.data(), closed.size(),
                                               out) == CACHECORE_OK;
      out[closed.size() - seal_overhead] = 0;
      stored.payload = {reinterpret_cast<const char *>(out), closed.size() - seal_overhead};
    }
  }
  const cachecore_compress_service *const compress = host_.services().compress;
  if (readable && (stored.coding & compressed) != 0) {
    size_t size = 0;
    readable = compress != nullptr &&
               compress->original_size(stored.payload.data(), stored.payload.size(), &size) == CACHECORE_OK &&
               size <= largest_original;
    if (readable) {
      char *const out = call.allocate_array<char>(size + 1);
      size_t written = 0;
      readable =
          compress->decompress(stored.payload.data(), stored.payload.size(), out, size, &written) == CACHECORE_OK &&
          written == size;
      out[size] = '\0';
      stored.payload = {out, size};
    }
  }
  if (!readable) home.counted.unreadable++;
  stored.coding = 0;
  return readable;
}

}  // namespace cache_plugin
