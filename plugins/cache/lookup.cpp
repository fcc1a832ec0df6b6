// lookup.cpp: the one who asks: has it, waits for it, or loads it.

#include <cmath>

#include "at_exit.h"
#include "cache.h"

namespace cache_plugin {

// Whether a lookup that read `seen` may be answered by a load, as far as keys and patterns go: no invalidation that was
// over before the lookup began may have come after the load's begin. That is certain
// - if the load has not begun: it will begin after the lookup did;
// - if the load's lease is still in Redis, which every delete and set removes, and the region's marker admits what was
//   loaded since the load began;
// - for invalidations of this process, since they detach the loads they concern.
// Without Redis the third is all there is.
bool cache::may_wait(const flight &there, const reading &seen) {
  if (there.now == flight::state::beginning || seen.away) return true;
  return !there.token.empty() && seen.lease.loads(there.token) && seen.marks != nullptr &&
         seen.marks->admits(there.seen, there.key);
}

// [flights held] The same as far as tags go, once they are known.
bool cache::may_have(const flight &there, const pass &waiter, const reading &seen, tag_list tags) {
  if (tags.empty()) return true;
  if (flights::tag_ended_before(there, waiter, tags)) return false;
  if (waiter.before_it || seen.away || seen.marks == nullptr) return true;
  return seen.marks->judge(there.seen, there.key, tags) == verdict::valid;
}

value cache::answer(call &call, const char *state, const value &data, const value &age_ms, const value &lease) const {
  return call.map({{"state", state}, {"value", data}, {"age_ms", age_ms}, {"lease", lease}});
}

value cache::answer_found(call &call, const char *state, const reading &seen) const {
  return answer(call, state, decode(call, seen.found->format, seen.found->payload), seen.age_ms);
}

// A copy of this process that may be served.
bool cache::find_near(call &call, region &home, std::string_view key, near_copy &out) {
  near_region *const copies = home.near();
  if (copies == nullptr) return false;
  const uint64_t hash = hash_bytes(key);
  const near_region::answer found = copies->find(call, key, hash, home.heard, out);
  if (found != near_region::answer::outdated) return found == near_region::answer::hit;
  const std::shared_ptr<const marker> marks = home.marks();
  if (marks == nullptr || marks->now().epoch != home.heard.epoch() ||
      marks->judge({marks->now().incarnation, out.stamp}, key, out.tags) != verdict::valid) {
    return false;
  }
  copies->compared(key, hash, out, marks->now().epoch);
  return true;
}

value cache::near_answer(call &call, const near_copy &copy) {
  return answer(call, "hit", decode(call, copy.format, copy.bytes), copy.age_ms());
}

// XFetch: each lookup of a fresh value loads it early with a probability that rises as its end comes near, the earlier
// the longer it takes to load, so that of many one does so before the others miss it. A. Vattani, F. Chierichetti,
// K. Lowenstein: Optimal Probabilistic Cache Stampede Prevention. VLDB 8(8), 2015.
bool cache::due_early(const policy &how, int64_t left_ms, uint32_t load_ms) const {
  if (how.eager <= 0 || load_ms == 0) return false;
  const double ahead = static_cast<double>(load_ms) * how.eager;
  // Beyond this it is less likely than 1 in 10^13.
  if (static_cast<double>(left_ms) > ahead * 30) return false;
  return -std::log(1 - random_part()) * ahead >= static_cast<double>(left_ms);
}

// `wait_ms` was added to the deadline by the core, and that is all it is for.
task<value> cache::lookup(call &call, std::string_view region_name, std::string_view key, int64_t /*wait_ms*/) {
  const region_ref home = regions_.get(region_name);
  near_copy copy;
  if (find_near(call, *home, key, copy) &&
      (copy.load_ms == 0 || !due_early(*home->how(), copy.fresh_until_ms - copy.found_ms, copy.load_ms))) {
    home->counted.near_hits++;
    co_return near_answer(call, copy);
  }
  co_return co_await lookup_there(call, home, key, asking::read);
}

task<value> cache::refresh(call &call, std::string_view region_name, std::string_view key, int64_t /*wait_ms*/) {
  co_return co_await lookup_there(call, regions_.get(region_name), key, asking::refresh);
}

task<value> cache::lookup_there(call &call, region_ref home, std::string_view key, asking why) {
  const names at = names_of(call, *home, key);
  uint64_t doubted = 0;
  bool missed = false;
  for (;;) {
    reading seen = co_await read(call, home, at, key);
    const bool early =
        seen.fresh() && !seen.away &&
        (why == asking::refresh || due_early(*home->how(), seen.found->ttl_ms - seen.age_ms, seen.found->load_ms));
    if (seen.fresh() && !early) {
      if (!missed) home->counted.hits++;
      co_return answer_found(call, "hit", seen);
    }
    if (!seen.found && !seen.away && !missed && why != asking::refresh) {
      const bool refused = co_await filter_refuses(call, home, key);
      if (refused) {
        home->counted.refused++;
        co_return answer(call, "hit", {}, 0);
      }
    }
    // What there is, for one who does not have to wait for better.
    const char *const meanwhile = seen.fresh() ? "hit" : "stale";
    const bool content_with_it = seen.found && why != asking::refresh;

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
    if (there != nullptr && content_with_it) {
      lock.unlock();
      if (!missed && seen.fresh()) home->counted.hits++;
      if (!missed && !seen.fresh()) home->counted.stale++;
      co_return answer_found(call, meanwhile, seen);
    }
    if (!missed && !seen.fresh()) home->counted.misses++;
    missed = true;
    if (there != nullptr && there->now == flight::state::storing) {
      const std::shared_ptr<const content> loaded = there->loaded;
      if (may_have(*there, flights::join(*there), seen, loaded->tagged())) {
        lock.unlock();
        co_return answer(call, "hit", decode(call, *loaded), 0);
      }
      there = nullptr;
    }
    if (there != nullptr && why == asking::read_at_once) co_return answer(call, "loading", {}, {});
    if (there != nullptr) {
      home->counted.waiting++;
      const at_exit no_longer([&] { home->counted.waiting--; });
      const pass waiter = flights::join(*there);
      const woken<grant> got = co_await there->waiting.wait(call, lock);
      if (got.grant.what == grant::kind::again) continue;
      if (got.grant.what == grant::kind::failure) {
        if (seen.found) co_return answer_found(call, meanwhile, seen);
        throw error(CACHECORE_LOADER_FAILED, *got.grant.reason);
      }
      if (got.grant.what == grant::kind::value) {
        if (waiter.number >= got.grant.readers) continue;
        {
          const std::lock_guard held(flights_.mutex());
          if (!may_have(*there, waiter, seen, got.grant.loaded->tagged())) continue;
        }
        co_return answer(call, "hit", decode(call, *got.grant.loaded), got.grant.age_ms);
      }
    } else {
      there = flights_.begin(at.entry, key, home);
      lock.unlock();
    }

    // The flight is this lookup's own now, until it takes off.
    at_exit left([&] { leave(there); });
    const beginning begun = co_await begin(call, home, at, key, seen, there, why);
    if (begun.newer) {
      left.cancel();
      grant given;
      if (begun.readers) {
        const reading &newer = *begun.newer;
        given.what = grant::kind::value;
        given.loaded = std::make_shared<const content>(
            content{newer.found->format, std::string(newer.found->payload), std::string(newer.found->tags.packed())});
        given.readers = *begun.readers;
        given.age_ms = newer.age_ms;
      }
      // Else they may have begun after something that this value is older than: they look again.
      const std::lock_guard held(flights_.mutex());
      flights_.end(there, given);
      co_return answer_found(call, "hit", *begun.newer);
    }
    if (begun.failed) {
      left.cancel();
      grant given;
      given.what = grant::kind::failure;
      given.reason = std::make_shared<const std::string>(*begun.failed);
      {
        const std::lock_guard held(flights_.mutex());
        flights_.end(there, given);
      }
      if (seen.found) co_return answer_found(call, meanwhile, seen);
      throw error(CACHECORE_LOADER_FAILED, *begun.failed);
    }
    if (!begun.elsewhere.empty()) {
      left.cancel();
      {
        const std::lock_guard held(flights_.mutex());
        flights_.end(there, {});
      }
      if (!seen.found) co_return answer(call, "loading", {}, {});
      if (!seen.fresh()) home->counted.stale++;
      co_return answer_found(call, meanwhile, seen);
    }
    lease_text text(call);
    const value told = seen.found ? answer(call, "load", decode(call, seen.found->format, seen.found->payload),
                                           seen.age_ms, text.shown())
                                  : answer(call, "load", {}, {}, text.shown());
    const uint64_t secret = lease_text::secret_from(random_bytes());
    left.cancel();
    {
      const std::lock_guard held(flights_.mutex());
      text.write(
          flights_.take_off(there, begun.token, begun.seen, secret, host_.now_ms(), home->how()->load_timeout_ms));
    }
    if (early) home->counted.refreshes++;
    start_lease_watch();
    co_return told;
  }
}

// The owner of a flight does not go on with it.
void cache::leave(const flight_ref &there) {
  std::string asked;
  {
    const std::lock_guard lock(flights_.mutex());
    if (!flights_.pass_on(there)) asked = there->asked;
  }
  if (!asked.empty() && there->home->how()->distributed) release_later(there->name, asked);
}

// A lookup completed, and nobody heard of it: a lease goes to the next who waits.
task<void> cache::undo_lookup(call & /*call*/, value granted) {
  const value lease = granted.pairs()["lease"];
  if (lease.is_nil()) co_return;
  flight_ref held;
  {
    const std::lock_guard lock(flights_.mutex());
    held = flights_.take_lease(lease_text::parse(lease.as_text()), host_.now_ms());
  }
  if (held == nullptr) co_return;
  held->home->counted.loads--;
  leave(held);
}

}  // namespace cache_plugin
