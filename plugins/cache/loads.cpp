// loads.cpp: the one who loads: what became of it.

#include "at_exit.h"
#include "cache.h"
#include "lease_text.h"
#include "store.lua.h"

namespace cache_plugin {

namespace {

// How long another process' waiters may take to hear why a load failed, and how much of it.
constexpr int64_t note_ms = 2'000;
constexpr size_t longest_note = 400;

constexpr cachecore_script store_script{sizeof(cachecore_script), store_lua, sizeof(store_lua) - 1};

[[noreturn]] void refuse_lease() {
  throw error(
      CACHECORE_CONFLICT,
      "the lease is not held any more: it was used before, or it expired (load_timeout_ms of the region's policy) "
      "and another caller loads");
}

}  // namespace

// Those who wait get the value before Redis does, so they do not wait for Redis.
task<bool> cache::store(call &call, std::string_view lease, value data, std::optional<int64_t> ttl_ms,
                        list_view given_tags) {
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
  const tag_list tags = tags_of(call, *how, given_tags);
  const auto loaded =
      std::make_shared<const content>(content{stored.format, std::string(stored.bytes), std::string(tags.packed())});
  const auto [ttl, lifetime] = lifetimes(*how, stored, ttl_ms);

  bool attached = false;
  int64_t load_ms = 0;
  near_region *const copies = how->outage_ttl_ms > 0 && lifetime > 0 ? held->near : nullptr;
  if (copies != nullptr) copies->may_have_outage_copies();
  {
    const std::lock_guard lock(flights_.mutex());
    const int64_t now_ms = host_.now_ms();
    held = flights_.take_lease(id, now_ms);
    if (held == nullptr) refuse_lease();
    load_ms = now_ms - held->began_at;
    flights_.land(*held, loaded);
    // A tag that this process invalidated since the load began ends it as a key's invalidation would.
    const pass anybody{0, held->tags_ended.size(), false};
    attached = held->attached && !flights::tag_ended_before(*held, anybody, tags);
  }
  const at_exit landed([&] {
    const std::lock_guard lock(flights_.mutex());
    grant given;
    given.what = grant::kind::value;
    given.loaded = held->loaded;
    flights_.end(held, given);
  });
  const auto keep_until_redis_is_back = [&] {
    if (copies == nullptr) return;
    copies->keep_in_outage(held->key, hash_bytes(held->key), *loaded, std::min(how->outage_ttl_ms, ttl),
                           held->near_ticket);
  };
  if (!attached || lifetime == 0) co_return false;
  if (held->token.empty()) {
    keep_until_redis_is_back();
    co_return false;
  }

  const names at = names_of(call, *held->home, held->key);
  uint8_t coding = 0;
  const std::string_view payload = wrap(call, *how, at.entry, stored, coding);
  const std::string_view entry =
      write_entry(call, random_bytes(),
                  {stored.format, payload, ttl, lifetime, held->seen,
                   static_cast<uint32_t>(std::min<int64_t>(load_ms, UINT32_MAX)), coding, tags});
  std::optional<error> failed;
  try {
    const value keys[] = {at.entry, at.lease};
    const value arguments[] = {std::string_view(held->token), entry, lifetime};
    const value kept = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
      call.services().redis->script(call.raw(), &store_script, keys, std::size(keys), arguments, std::size(arguments),
                                    CACHECORE_REDIS_IDEMPOTENT, then, state);
    });
    if (stored.format != no_value) {
      std::vector<std::string_view> added(1, std::string_view(held->key));
      co_await filter_add(call, held->home, how, std::move(added), false);
    }
    co_return kept.as_int() == 1;
  } catch (const error &thrown) {
    failed = thrown;
  }
  went_without(call, *held->home, *failed);
  keep_until_redis_is_back();
  co_return false;
}

task<void> cache::fail(call &call, std::string_view lease, std::string_view message) {
  const lease_id id = lease_text::parse(lease);
  grant given;
  given.what = grant::kind::failure;
  given.reason = std::make_shared<const std::string>(message.empty() ? "the loader failed" : message);
  flight_ref held;
  std::string token;
  {
    const std::lock_guard lock(flights_.mutex());
    held = flights_.take_lease(id, host_.now_ms());
    if (held == nullptr) refuse_lease();
    held->home->counted.failures++;
    token = held->token;
    flights_.end(held, given);
  }
  if (token.empty() || !held->home->how()->distributed) co_return;
  std::optional<error> failed;
  try {
    co_await release(call, held->name, token, given.reason->substr(0, longest_note), note_ms);
  } catch (const error &thrown) {
    failed = thrown;
  }
  // Redis is away: others take the load for dead in its time.
  if (failed) went_without(call, *held->home, *failed);
}

}  // namespace cache_plugin
