// lookup.cpp: the one who asks: has it, waits for it, or loads it.

#include "at_exit.h"
#include "begin.lua.h"
#include "cache.h"
#include "lease_text.h"

namespace cache_plugin {

namespace {

constexpr cachecore_script begin_script{sizeof(cachecore_script), begin_lua, sizeof(begin_lua) - 1};

// A lease in Redis outlives the one in this process, so that the store of a loader in time always finds it.
constexpr int64_t lease_reserve_ms = 10'000;

// Whether a lookup that read `seen` may be answered by a load: no invalidation that was over before the lookup began
// may have come after the load's begin. That is certain
// - if the load has not begun: it will begin after the lookup did;
// - if the load's lease is still in Redis, which every delete and set removes, and the region's marker admits what was
//   loaded since the load began;
// - for invalidations of this process, since they detach the loads they concern.
// Without Redis the third is all there is.
bool may_wait(const flight &there, const reading &seen) {
  if (there.now == flight::state::beginning || seen.away) return true;
  return !there.token.empty() && seen.lease == there.token && seen.marks != nullptr &&
         seen.marks->admits(there.seen, there.key);
}

}  // namespace

value cache::answer(call &call, const char *state, const value &data, const value &age_ms, const value &lease) const {
  return call.map({{"state", state}, {"value", data}, {"age_ms", age_ms}, {"lease", lease}});
}

// `wait_ms` was added to the deadline by the core, and that is all it is for.
task<value> cache::lookup(call &call, std::string_view region_name, std::string_view key, int64_t /*wait_ms*/) {
  const region_ref home = regions_.get(region_name);
  const names at = names_of(call, *home, key);
  uint64_t doubted = 0;
  bool missed = false;
  for (;;) {
    const reading seen = co_await read(call, home, at, key);
    if (seen.fresh()) {
      if (!missed) home->counted.hits++;
      co_return answer(call, "hit", decode(call, seen.found->format, seen.found->payload), seen.age_ms);
    }

    std::unique_lock lock(flights_.mutex());
    flight_ref there = flights_.find(at.entry, host_.now_ms());
    if (there != nullptr && !may_wait(*there, seen)) {
      // Perhaps it began after the read; a second read, begun while it was there, tells.
      if (there->number != doubted) {
        doubted = there->number;
        continue;
      }
      there = nullptr;
    }
    if (there != nullptr && seen.stale()) {
      lock.unlock();
      if (!missed) home->counted.stale++;
      co_return answer(call, "stale", decode(call, seen.found->format, seen.found->payload), seen.age_ms);
    }
    if (!missed) home->counted.misses++;
    missed = true;
    if (there != nullptr && there->now == flight::state::storing) {
      const std::shared_ptr<const content> loaded = there->loaded;
      lock.unlock();
      co_return answer(call, "hit", decode(call, *loaded), 0);
    }
    if (there != nullptr) {
      home->counted.waiting++;
      const at_exit no_longer([&] { home->counted.waiting--; });
      const woken<grant> got = co_await there->waiting.wait(call, lock);
      if (got.grant.what == grant::kind::value) co_return answer(call, "hit", decode(call, *got.grant.loaded), 0);
      if (got.grant.what == grant::kind::failure) throw error(CACHECORE_LOADER_FAILED, *got.grant.reason);
      if (got.grant.what == grant::kind::again) continue;
    } else {
      there = flights_.begin(at.entry, key, home);
      lock.unlock();
    }

    // The flight is this lookup's own now, until it takes off.
    at_exit left([&] {
      const std::lock_guard held(flights_.mutex());
      flights_.pass_on(there);
    });
    const beginning begun = co_await begin_load(call, home, at, key, seen);
    if (begun.newer) {
      left.cancel();
      // They may have begun after something that this value is older than.
      const std::lock_guard held(flights_.mutex());
      flights_.end(there, {grant::kind::again, nullptr, nullptr});
      co_return answer(call, "hit", decode(call, begun.newer->found->format, begun.newer->found->payload),
                       begun.newer->age_ms);
    }
    lease_text text(call);
    value old;
    value old_age;
    if (seen.stale()) {
      old = decode(call, seen.found->format, seen.found->payload);
      old_age = seen.age_ms;
    }
    const value told = answer(call, "load", old, old_age, text.shown());
    const uint64_t secret = lease_text::secret_from(random_bytes());
    left.cancel();
    {
      const std::lock_guard held(flights_.mutex());
      const int64_t expires_at = host_.now_ms() + home->how()->load_timeout_ms;
      text.write(flights_.take_off(there, begun.token, begun.seen, secret, expires_at));
    }
    start_lease_watch();
    co_return told;
  }
}

// Asks Redis for the key's lease. It looks once more whether a load is needed: since the read, another may have ended.
task<cache::beginning> cache::begin_load(call &call, region_ref home, names at, std::string_view key, reading seen) {
  beginning begun;
  if (seen.away) co_return begun;
  std::optional<error> failed;
  try {
    if (seen.marks == nullptr) seen.marks = co_await mark(call, home, at, "");
    begun.seen = seen.marks->now();
    const std::string token = random_bytes();
    const int64_t lives_ms = home->how()->load_timeout_ms + lease_reserve_ms;
    for (;;) {
      const value reply = co_await patience_.wait(call, [&](cachecore_continuation then, void *state) {
        const value keys[] = {at.entry, at.lease};
        const value arguments[] = {seen.id, std::string_view(token), lives_ms};
        call.services().redis->script(call.raw(), &begin_script, keys, std::size(keys), arguments, std::size(arguments),
                                      CACHECORE_REDIS_IDEMPOTENT, then, state);
      });
      if (reply.is(CACHECORE_BYTES)) {
        begun.token = reply.as_text();
        break;
      }
      reading newer;
      newer.marks = seen.marks;
      judge(newer, reply.items()[0], reply.items()[1], key);
      if (newer.fresh()) {
        begun.newer = std::move(newer);
        break;
      }
      seen.id = newer.id;
    }
  } catch (const error &thrown) {
    failed = thrown;
  }
  if (failed) {
    went_without(call, *home, *failed);
    begun = {};
  }
  co_return begun;
}

// A lookup completed, and nobody heard of it: a lease goes to the next who waits.
task<void> cache::undo_lookup(call & /*call*/, value granted) {
  const value lease = granted.pairs()["lease"];
  if (lease.is_nil()) co_return;
  const std::lock_guard lock(flights_.mutex());
  const flight_ref held = flights_.take_lease(lease_text::parse(lease.as_text()), host_.now_ms());
  if (held == nullptr) co_return;
  held->home->counted.loads--;
  flights_.pass_on(held);
}

}  // namespace cache_plugin
