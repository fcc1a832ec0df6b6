#include "bloom.h"

#include <cmath>
#include <cstring>

#include "cache.h"

namespace cache_plugin {

namespace {

constexpr size_t keys_at_once = 500;
constexpr size_t longest_key = 65'536;

std::string_view filter_of(call &call, const region &home, const bloom_size &size) {
  return call.key("cache:b:{", home.key_part(), "}:", size.bits, ":", size.hashes);
}

// The bits of a key, behind bit 0.
std::array<int64_t, bloom_size::most_hashes> bits_of(const host &host, std::string_view key, const bloom_size &size) {
  const std::array<uint8_t, 32> digest = host.sha256(key);
  uint64_t first = 0;
  uint64_t step = 0;
  for (size_t i = 0; i < 8; i++) {
    first = first << 8 | digest[i];
    step = step << 8 | digest[8 + i];
  }
  std::array<int64_t, bloom_size::most_hashes> bits{};
  for (size_t i = 0; i < static_cast<size_t>(size.hashes); i++) {
    bits[i] = 1 + static_cast<int64_t>((first + i * (step | 1)) % static_cast<uint64_t>(size.bits));
  }
  return bits;
}

}  // namespace

bloom_size bloom_size::of(int64_t capacity, double error_rate) {
  if (!(error_rate > 0 && error_rate < 1)) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "policy.bloom.error_rate must be above 0 and below 1, got " + std::to_string(error_rate));
  }
  const double ln2 = std::log(2.0);
  const double bits = std::ceil(-static_cast<double>(capacity) * std::log(error_rate) / (ln2 * ln2));
  if (bits > static_cast<double>(most_bits)) {
    throw error(CACHECORE_INVALID_ARGUMENT,
                "policy.bloom.capacity must be less: a bitmap of Redis has at most 2^32 bits, and this takes more");
  }
  const double hashes = std::round(bits / static_cast<double>(capacity) * ln2);
  return {std::max<int64_t>(static_cast<int64_t>(bits), 8),
          std::clamp<int64_t>(static_cast<int64_t>(hashes), 1, most_hashes)};
}

// Whether the region's filter is complete and has not the key.
task<bool> cache::filter_refuses(call &call, region_ref home, std::string_view key) {
  const bloom_size size = home->how()->bloom;
  if (size.bits == 0) co_return false;
  const auto bits = bits_of(host_, key, size);
  auto words = call.words("BITFIELD_RO", filter_of(call, *home, size), "GET", "u1", 0);
  for (size_t i = 0; i < static_cast<size_t>(size.hashes); i++) words.add("GET", "u1", bits[i]);
  std::optional<error> failed;
  bool refused = false;
  try {
    const value said = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
      call.services().redis->command(call.raw(), words.all().data(), words.size(), CACHECORE_REDIS_READ, then, state);
    });
    const list_view set = said.items();
    if (set[0].as_int() == 1) {
      for (const value &bit : set) refused = refused || bit.as_int() == 0;
    }
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) went_without(call, *home, *failed);
  co_return refused;
}

task<void> cache::filter_add(call &call, region_ref home, std::shared_ptr<const policy> how,
                             std::vector<std::string_view> keys, bool complete) {
  const bloom_size size = how->bloom;
  if (size.bits == 0) co_return;
  const std::string_view filter = filter_of(call, *home, size);
  for (size_t at = 0; at < keys.size(); at += keys_at_once) {
    auto batch = call.pipeline();
    for (size_t i = at; i < std::min(keys.size(), at + keys_at_once); i++) {
      const auto bits = bits_of(host_, keys[i], size);
      auto words = call.words("BITFIELD", filter);
      for (size_t bit = 0; bit < static_cast<size_t>(size.hashes); bit++) words.add("SET", "u1", bits[bit], 1);
      batch.add(words);
    }
    const value replies = co_await batch.idempotent();
    for (const value &reply : replies.items()) reply.or_throw();
  }
  if (complete) (void)co_await call.redis("SETBIT", filter, 0, 1).idempotent();
}

task<void> cache::bloom_add(call &call, std::string_view region_name, list_view given, bool complete) {
  region *const home = regions_.get(region_name);
  const std::shared_ptr<const policy> how = home->how();
  if (how->bloom.bits == 0) {
    throw error(CACHECORE_INVALID_STATE, "the policy of the region \"" + home->name() + "\" has no `bloom`");
  }
  std::vector<std::string_view> keys;
  keys.reserve(given.size());
  for (const value &each : given) {
    if (!each.is(CACHECORE_BYTES) || each.text().empty() || each.text().size() > longest_key) {
      throw error(CACHECORE_INVALID_ARGUMENT, "keys must be BYTES, each of 1 to 65536 bytes");
    }
    keys.push_back(each.text());
  }
  co_await filter_add(call, home, how, std::move(keys), complete);
}

}  // namespace cache_plugin
