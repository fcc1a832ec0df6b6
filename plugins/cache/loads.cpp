// loads.cpp: the one who loads: what became of it.

#include "at_exit.h"
#include "cache.h"
#include "lease_text.h"
#include "store.lua.h"

namespace cache_plugin {

namespace {

constexpr cachecore_script store_script{sizeof(cachecore_script), store_lua, sizeof(store_lua) - 1};

[[noreturn]] void refuse_lease() {
  throw error(
      CACHECORE_CONFLICT,
      "the lease is not held any more: it was used before, or it expired (load_timeout_ms of the region's policy) "
      "and another caller loads");
}

}  // namespace

// Those who wait get the value before Redis does, so they do not wait for Redis.
task<bool> cache::store(call &call, std::string_view lease, value data, std::optional<int64_t> ttl_ms) {
  const lease_id id = lease_text::parse(lease);
  flight_ref held;
  {
    const std::lock_guard lock(flights_.mutex());
    held = flights_.holder(id, host_.now_ms());
  }
  if (held == nullptr) refuse_lease();
  const std::shared_ptr<const policy> how = held->home->how();
  // A value that cannot be stored leaves the lease as it is.
  const encoded stored = encode(call, *how, data);
  const auto loaded = std::make_shared<const content>(content{stored.format, std::string(stored.bytes)});
  const auto [ttl, lifetime] = lifetimes(*how, stored, ttl_ms);

  bool keep = false;
  {
    const std::lock_guard lock(flights_.mutex());
    held = flights_.take_lease(id, host_.now_ms());
    if (held == nullptr) refuse_lease();
    flights_.land(*held, loaded);
    keep = held->attached && !held->token.empty() && lifetime > 0;
  }
  const at_exit landed([&] {
    const std::lock_guard lock(flights_.mutex());
    flights_.end(held, {grant::kind::value, held->loaded, nullptr});
  });
  if (!keep) co_return false;

  const names at = names_of(call, *held->home, held->key);
  const std::string_view entry =
      write_entry(call, random_bytes(), {stored.format, stored.bytes, ttl, lifetime, held->seen});
  std::optional<error> failed;
  try {
    const value keys[] = {at.entry, at.lease};
    const value arguments[] = {std::string_view(held->token), entry, lifetime};
    const value kept = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
      call.services().redis->script(call.raw(), &store_script, keys, std::size(keys), arguments, std::size(arguments),
                                    CACHECORE_REDIS_IDEMPOTENT, then, state);
    });
    co_return kept.as_int() == 1;
  } catch (const error &thrown) {
    failed = thrown;
  }
  went_without(call, *held->home, *failed);
  co_return false;
}

task<void> cache::fail(call & /*call*/, std::string_view lease, std::string_view message) {
  const lease_id id = lease_text::parse(lease);
  const auto reason = std::make_shared<const std::string>(message.empty() ? "the loader failed" : message);
  const std::lock_guard lock(flights_.mutex());
  const flight_ref held = flights_.take_lease(id, host_.now_ms());
  if (held == nullptr) refuse_lease();
  held->home->counted.failures++;
  flights_.end(held, {grant::kind::failure, nullptr, reason});
  co_return;
}

}  // namespace cache_plugin
